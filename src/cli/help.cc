#include "cli/help.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/cat.h"
#include "base/wrapped.h"
#include "cli/command_text.h"
#include "cli/exit_code.h"

namespace nextid::cli {
namespace {

using base::cat;

constexpr std::size_t kWidth = 79;
constexpr std::size_t kColumn = 22;  ///< Where the help of an option begins.

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

std::string item_text(const Item& item) {
  const std::string indent(kColumn, ' ');
  const std::string form = "  " + item.form;
  std::string help = base::wrapped_text(item.help, kWidth - kColumn, indent);
  if (form.size() + 2 > kColumn) return cat(form, "\n", help);
  return padded(form, kColumn) + help.substr(kColumn);
}

std::string items_text(const char* heading, const std::vector<Item>& items) {
  if (items.empty()) return "";
  std::string text = cat("\n", heading, ":\n");
  for (const Item& item : items) text += item_text(item);
  return text;
}

std::string notes_text(const std::vector<Note>& notes) {
  std::string text;
  for (const Note& note : notes) {
    text += "\n" + (note.is_verbatim ? note.text : base::wrapped_text(note.text, kWidth));
  }
  return text;
}

std::string command_help(const CommandText& command) {
  std::string text =
      base::wrapped_text(command.summary, kWidth) + cat("Usage: ", command.usage, "\n");
  text += items_text("Arguments", command.arguments);
  text += items_text("Options", command.options);
  text += notes_text(command.notes);
  if (!command.examples.empty()) text += "\nExamples:" + notes_text(command.examples);
  return text;
}

std::string exit_code_names() {
  std::string names;
  for (const ExitMeaning& each : kExitMeanings) {
    names += cat(names.empty() ? "" : ", ", static_cast<int>(each.code), " ", each.name);
  }
  return names;
}

std::string program_help(const CommandText& program) {
  std::size_t width = 0;
  for (const Item& command : program.arguments) width = std::max(width, command.form.size());
  std::string text = cat("nextid: ", program.summary, "\nUsage: ", program.usage,
                         "; `nextid COMMAND --help` has the options\n\n");
  for (const Item& command : program.arguments) {
    text += cat("  ", padded(command.form, width + 2), command.help, "\n");
  }
  return text + "\n" +
         base::wrapped_text(cat("Exit codes: ", exit_code_names(), ". `nextid manual` has more."),
                            kWidth);
}

}  // namespace

std::string help_of(const CLI::App& command) {
  const bool is_program = command.get_parent() == nullptr;
  return is_program ? program_help(overview(command)) : command_help(text_of(command));
}

}  // namespace nextid::cli
