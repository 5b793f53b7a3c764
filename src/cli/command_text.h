// What the program takes, in words, for those who tell of it: --help, manual pages, docs/cli.md.
#pragma once

#include <string>
#include <vector>

#include <CLI/App.hpp>

namespace nextid::cli {

/// "--store URL" or "COUNTER", and what it is.
struct Item {
  std::string form;
  std::string help;
};

/// A part of the notes: a paragraph, or lines to stand as they are.
struct Note {
  std::string text;
  bool is_verbatim = false;
};

struct CommandText {
  std::string name;  ///< "nextid next"
  std::string summary;
  std::string usage;
  std::vector<Item> arguments;  ///< Of the program itself: its commands.
  std::vector<Item> options;
  std::vector<Note> notes;
  std::vector<Note> examples;
};

CommandText text_of(const CLI::App& command);
/// Of the program itself.
CommandText overview(const CLI::App& app);

/// In the order in which people see them.
std::vector<const CLI::App*> commands_of(const CLI::App& app);

/// How a command ends: "0" and what it means.
std::vector<Item> exit_codes();

/// What a command's notes and examples are made of, as its footer: each paragraph is a line, and a
/// line that begins with two blanks stands as it is. What stands behind kExamples is an example.
inline constexpr const char* kExamples = "Examples:";

}  // namespace nextid::cli
