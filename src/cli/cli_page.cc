#include "cli/cli_page.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/cat.h"
#include "base/wrapped.h"
#include "cli/command_text.h"
#include "server/options.h"

namespace nextid::cli {
namespace {

using base::cat;

constexpr std::size_t kWidth = 110;

constexpr const char* kManual =
    "\n## Manual pages and completion\n\n"
    "Packages and `cmake --install` bring the manual pages nextid(1), one for each command, such "
    "as\n"
    "nextid-serve(1), and nextid.toml(5). They are made of the same tables as `--help` and this "
    "page, and so\n"
    "`nextid manual` prints them where nothing is installed:\n\n"
    "```sh\n"
    "nextid manual nextid-serve.1 | man -l -\n"
    "nextid manual nextid.toml > nextid.toml    # every option as a comment, with its default\n"
    "```\n\n"
    "They also bring completion for bash, zsh and fish, of commands, options, values, files and "
    "the names of\n"
    "counters. From a clone: `source packaging/completions/nextid.bash`; "
    "`fpath+=($PWD/packaging/completions)`\n"
    "before `compinit`; `source packaging/completions/nextid.fish`. The shells ask the program, by "
    "`nextid\n"
    "complete WORD...`, which prints what the last word may become. Counters are those of the "
    "store that\n"
    "`--store`, `--config`, `NEXTID_STORE` or `NEXTID_CONFIG` names, which is opened as `nextid "
    "counters` opens it:\n"
    "it is never made, nothing is shown where it does not answer within a second, and a DynamoDB "
    "table is not\n"
    "asked, since listing it costs a read of the whole table.\n";

std::string row(const std::string& first, const std::string& second) {
  std::string cell = second;
  for (std::size_t at = 0; (at = cell.find('|', at)) != std::string::npos; at += 2) {
    cell.insert(at, 1, '\\');
  }
  return cat("| `", first, "` | ", cell, " |\n");
}

bool is_server_option(const Item& item) {
  const auto options = server::options();
  return std::any_of(options.begin(), options.end(), [&](const server::Option& option) {
    return item.help.starts_with(option.full_help());
  });
}

/// Without the blanks that they begin with.
std::string code(const std::string& lines) {
  std::string text = "\n" + lines;
  for (std::size_t at = 0; (at = text.find("\n  ", at)) != std::string::npos; ++at) {
    text.erase(at + 1, 2);
  }
  return cat("\n```", text, "```\n");
}

std::string notes(const std::vector<Note>& list) {
  std::string text;
  for (const Note& note : list) {
    text += note.is_verbatim ? code(note.text) : "\n" + base::wrapped_text(note.text, kWidth);
  }
  return text;
}

/// What a command has of docs/options.md.
std::string of_options_page(const std::vector<std::string>& names) {
  if (names.empty()) return "";
  if (names.size() == server::options().size()) {
    return "\nAnd all options of [options.md](options.md).\n";
  }
  std::string list;
  for (const std::string& name : names) {
    list += cat(list.empty() ? "" : &name == &names.back() ? " and " : ", ", name);
  }
  return cat("\nAnd of [options.md](options.md) ", list, ".\n");
}

std::string section(const CommandText& command) {
  std::string text = cat("\n## ", command.name, "\n\n", command.summary, ".\n\n```\n",
                         command.usage, "\n```\n\n| | |\n|---|---|\n");
  for (const Item& item : command.arguments) text += row(item.form, item.help);
  std::vector<std::string> of_the_server;
  for (const Item& item : command.options) {
    if (is_server_option(item)) {
      of_the_server.push_back(cat("`", item.form.substr(0, item.form.find(' ')), "`"));
    } else {
      text += row(item.form, item.help);
    }
  }
  return text + of_options_page(of_the_server) + notes(command.notes) + notes(command.examples);
}

}  // namespace

std::string cli_markdown(const CLI::App& app) {
  const CommandText program = overview(app);
  std::string text = "# The command line\n\n`nextid manual cli.md` writes this page.\n";
  text += notes(program.notes) + notes(program.examples) + kManual;
  text += "\n## Exit codes\n\n| | |\n|---|---|\n";
  for (const Item& code : exit_codes()) text += row(code.form, code.help);
  for (const CLI::App* command : commands_of(app)) text += section(text_of(*command));
  return text;
}

}  // namespace nextid::cli
