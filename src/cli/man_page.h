// Manual pages, in the language of man(7).
#pragma once

#include <string>

#include "cli/command_text.h"

namespace nextid::cli {

/// Of section 1: of a command, or of the program, whose arguments are commands. `date` is
/// "2026-11-30".
std::string man_page(const CommandText& command, const std::string& date);

/// nextid.toml(5)
std::string config_man_page(const std::string& date);

}  // namespace nextid::cli
