#include "cli/command_text.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <string_view>

#include <CLI/CLI.hpp>

#include "base/cat.h"
#include "cli/exit_code.h"
#include "cli/option_words.h"

namespace nextid::cli {
namespace {

using base::cat;

constexpr const char* kOverview =
    "Ids are unique and increasing over all programs that use the same store, at the same time or "
    "not, and an id is durable before anyone sees it. The commands open the store themselves: no "
    "server needs to run, and servers may.\n"
    "Examples:\n"
    "  nextid serve                            serve http://127.0.0.1:8000 from ids.db\n"
    "  curl -s http://127.0.0.1:8000/next      {\"id\":1}\n"
    "  nextid next                             one id of the counter 'global'\n"
    "  nextid range 10 orders                  ten ids of the counter 'orders': 1 10\n"
    "  nextid next orders --key invoice-17     the same id again for the same key\n"
    "  nextid define tickets --start 1000      a counter that begins at 1000\n"
    "  nextid counters --store sqlite:/var/lib/nextid/ids.db\n"
    "  nextid serve --store postgres://nextid@db.example/ids\n"
    "  nextid doctor                           what would keep a server from working here\n";

Item item_of(const CLI::Option& option) {
  std::string form;
  for (const std::string& name : option.get_snames()) form += cat("-", name, ", ");
  return {form + form_of(option), option.get_description()};
}

void add_notes(CommandText& text, const std::string& footer) {
  std::istringstream lines(footer);
  auto* notes = &text.notes;
  for (std::string line; std::getline(lines, line);) {
    const bool is_verbatim = line.starts_with("  ");
    if (line == kExamples) {
      notes = &text.examples;
    } else if (is_verbatim && !notes->empty() && notes->back().is_verbatim) {
      notes->back().text += line + "\n";
    } else if (is_verbatim) {
      notes->push_back({line + "\n", true});
    } else if (!line.empty()) {
      notes->push_back({line});
    }
  }
}

void add_items(CommandText& text, const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    (option->get_positional() ? text.arguments : text.options).push_back(item_of(*option));
  }
  // The parser has --help first, which is what people look for last.
  std::rotate(text.options.begin(), text.options.begin() + 1, text.options.end());
}

}  // namespace

CommandText text_of(const CLI::App& command) {
  CommandText text;
  text.name = "nextid " + command.get_name();
  text.summary = command.get_description();
  text.usage = usage_of(command) + " [OPTIONS]";
  add_items(text, command);
  add_notes(text, command.get_footer());
  return text;
}

CommandText overview(const CLI::App& app) {
  CommandText text;
  text.name = "nextid";
  text.summary = app.get_description();
  text.usage = "nextid COMMAND [OPTIONS]";
  add_items(text, app);
  for (const CLI::App* command : commands_of(app)) {
    text.arguments.push_back({command->get_name(), command->get_description()});
  }
  add_notes(text, kOverview);
  return text;
}

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::vector<Item> exit_codes() {
  std::vector<Item> items;
  for (const ExitMeaning& each : kExitMeanings) {
    items.push_back({std::to_string(each.code), std::string(each.meaning)});
  }
  return items;
}

}  // namespace nextid::cli
