// Mistakes in the command line, in our own words.
#pragma once

#include <optional>
#include <span>
#include <string>

#include <CLI/App.hpp>

namespace nextid::cli {

/// A sentence on the first mistake in `arguments`, which are without the program's name: the word
/// that is wrong, and what to write instead. `app` has parsed and refused them. Nothing where the
/// words are all in their places: then a value is wrong, and the error of the parsing says so.
std::optional<std::string> mistake_in(const CLI::App& app, std::span<const std::string> arguments);

}  // namespace nextid::cli
