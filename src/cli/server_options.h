// The options of the server, for the commands that take them.
#pragma once

#include <memory>

#include <CLI/App.hpp>

#include "server/options.h"

namespace nextid::cli {

/// Adds every option of the server's table, and --config. What is given goes to `sources`, whose
/// environment is this process's from now on.
void add_server_options(CLI::App& command, const std::shared_ptr<server::ConfigSources>& sources);

}  // namespace nextid::cli
