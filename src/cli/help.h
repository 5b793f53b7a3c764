// --help, for terminals of 80 columns.
#pragma once

#include <string>

#include <CLI/App.hpp>

namespace nextid::cli {

/// Of the program itself it fits a terminal of 24 lines; of a command it has all that there is.
std::string help_of(const CLI::App& command);

}  // namespace nextid::cli
