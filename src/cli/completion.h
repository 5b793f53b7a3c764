// `nextid complete WORD...`: what the scripts of packaging/completions ask for. No command of the
// parser, which would refuse a line that is only half written.
#pragma once

#include <span>
#include <string>

#include <CLI/App.hpp>

#include "server/options.h"

namespace nextid::cli {

inline constexpr const char* kCompleteCommand = "complete";

/// Prints what the last one of the words may become, a line each, perhaps with a tab and what it
/// means behind it; `:files` or `:directories` where a shell knows better. Nothing after "/", ":",
/// "=" and "," at the end of a line is complete. The words are those behind the program's name.
/// Ends within a second, with whatever was found, and says nothing of failures.
int complete(const CLI::App& app, std::span<const std::string> words);

}  // namespace nextid::cli
