// The options of the server, for the commands that take them.
#pragma once

#include <CLI/App.hpp>

#include "server/options.h"

namespace nextid::cli {

/// This process's NEXTID_* variables.
server::Environment environment();

/// Adds every option of the server's table, and --config. What is given goes to `sources`, which
/// must outlive the parsing, and whose environment is this process's from now on.
void add_server_options(CLI::App& command, server::ConfigSources& sources);

/// The same, with only those of the table that name a store and how it is opened.
void add_store_options(CLI::App& command, server::ConfigSources& sources);

/// The same, with only those that say where the server listens for HTTP.
void add_listening_options(CLI::App& command, server::ConfigSources& sources);

}  // namespace nextid::cli
