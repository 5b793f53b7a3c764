// `nextid define`, `nextid advance` and `nextid delete`: what a counter is, for scripts and
// migrations.
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "nextid/nextid.h"

#include "base/cat.h"
#include "cli/chosen_store.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/server_options.h"
#include "cli/value_options.h"
#include "contract/definition_fields.h"
#include "http/codec/counter_json.h"

namespace nextid::cli {
namespace {

using base::cat;
using contract::NumberField;
using contract::TextField;

constexpr std::chrono::seconds kCloseLimit{1};

struct Request {
  server::ConfigSources sources;
  std::string name;
  DefinitionChange change;
  std::uint64_t to = 1;
  bool json = false;
};

void add_field(CLI::App& command, const NumberField& field, DefinitionChange& change) {
  std::string help(field.help);
  if (!field.is_revision) help += cat(" [", Definition().*field.member, "]");
  add_number(
      command, cat("--", field.name), {field.least_in_change(), field.most},
      [&field, &change](std::uint64_t number) { change.*field.change = number; }, help);
}

void add_field(CLI::App& command, const TextField& field, DefinitionChange& change) {
  const auto take = [&field, &change](const std::string& text) { change.*field.change = text; };
  command
      .add_option_function<std::string>("--" + std::string(field.name), take,
                                        cat(field.help, ", at most ", field.most_bytes, " bytes"))
      ->type_name("TEXT");
}

/// Bounds that people mean by what reads the ids: a max for each.
struct NamedMax {
  const char* option;
  std::uint64_t max;
  const char* help;
};
constexpr std::array kNamedMaxima{
    NamedMax{"--max-js-safe", (std::uint64_t{1} << 53) - 1,
             "--max 9007199254740991: beyond it JavaScript rounds ids to equal numbers"},
    NamedMax{"--max-int32", (std::uint64_t{1} << 31) - 1,
             "--max 2147483647: what a column of 32 bits holds"},
};

void add_named_maxima(CLI::App& command, DefinitionChange& change) {
  std::vector<CLI::Option*> others{command.get_option("--max")};
  for (const NamedMax& named : kNamedMaxima) {
    auto* option = command.add_flag_callback(
        named.option, [&change, &named] { change.max = named.max; }, named.help);
    for (CLI::Option* other : others) option->excludes(other);
    others.push_back(option);
  }
}

std::string describe(const Definition& definition) {
  std::string text;
  for (const NumberField& field : contract::kNumberFields) {
    text += cat(text.empty() ? "" : ", ", field.name, " ", definition.*field.member);
  }
  for (const TextField& field : contract::kTextFields) {
    const std::string& value = definition.*field.member;
    if (value.empty()) continue;
    text.append(", ").append(field.name).append(" ").append(for_terminal(value));
  }
  return text;
}

std::string json_of(const CounterInfo& counter) {
  return http::counter_json(counter, http::IdFormat::kNumber) + "\n";
}

int define(const Request& request) {
  auto store = open_chosen_store(request.sources);
  if (!store) return report(store.error());
  const auto defined = store->define(request.name, request.change);
  if (!defined) return report(defined.error());
  const CounterInfo& counter = defined->counter;
  const ExitCode code =
      print(request.json ? json_of(counter)
                         : cat(defined->created ? "made" : "now", " counter '", counter.name,
                               "': ", describe(counter.definition), "\n"));
  store->close(kCloseLimit);
  return code;
}

int advance(const Request& request) {
  auto store = open_existing_store(request.sources);
  if (!store) return report(store.error());
  const auto counter = store->advance(request.name, request.to);
  if (!counter) return report(counter.error());
  const ExitCode code = print(
      request.json ? json_of(*counter)
                   : cat("counter '", counter->name, "' is at ", counter->value.value_or(0), "\n"));
  store->close(kCloseLimit);
  return code;
}

int delete_counter(const Request& request) {
  auto store = open_existing_store(request.sources);
  if (!store) return report(store.error());
  const auto counter = store->delete_counter(request.name);
  if (!counter) return report(counter.error());
  const std::string where =
      counter->value ? cat("at ", *counter->value) : std::string("before its first id");
  const ExitCode code = print(request.json ? json_of(*counter)
                                           : cat("deleted counter '", counter->name, "' ", where,
                                                 ": it gives no more ids; `nextid define ",
                                                 counter->name, "` would have it go on there\n"));
  store->close(kCloseLimit);
  return code;
}

}  // namespace

void add_define(CLI::App& app, Outcome& outcome) {
  const auto request = std::make_shared<Request>();
  auto* command = app.add_subcommand("define", "Make a counter, or change it");
  command->footer(
      "What is left out stays as it is, or is the default of a new counter. A counter that was "
      "deleted is back, and goes on above its value.\n"
      "Examples:\n"
      "  nextid define tickets --start 1000 --comment 'Numbers of support tickets'\n"
      "  nextid define orders --cache 100\n"
      "  nextid define rows --max-js-safe");
  add_name(*command, "NAME", request->name, "The counter")->required();
  const auto add = [&](const auto& field) { add_field(*command, field, request->change); };
  contract::for_each_field(add, add);
  add_named_maxima(*command, request->change);
  command->add_flag("--json", request->json, "Print the JSON of the HTTP call");
  add_store_options(*command, request->sources);
  command->callback([request, &outcome] { outcome.exit_code = define(*request); });
}

void add_advance(CLI::App& app, Outcome& outcome) {
  const auto request = std::make_shared<Request>();
  auto* command = app.add_subcommand("advance", "Move a counter past ids that were used elsewhere");
  command->footer(
      "Ids up to that one count as used, whoever used them. A counter that is there already stays "
      "where it is.\n"
      "Examples:\n"
      "  nextid advance orders --to 1048576");
  add_name(*command, "NAME", request->name,
           "The counter, made where it is missing; the store is not")
      ->required();
  add_number(
      *command, "--to", {1, kMaxId}, [request](std::uint64_t to) { request->to = to; },
      "Ids up to and including N will not be issued")
      ->required();
  command->add_flag("--json", request->json, "Print the JSON of the HTTP call");
  add_store_options(*command, request->sources);
  command->callback([request, &outcome] { outcome.exit_code = advance(*request); });
}

void add_delete(CLI::App& app, Outcome& outcome) {
  const auto request = std::make_shared<Request>();
  auto* command = app.add_subcommand(
      "delete", "Delete a counter that was made by mistake: it gives no more ids");
  add_name(*command, "COUNTER", request->name, "The counter")->required();
  command->add_flag("--json", request->json, "Print the JSON of the HTTP call");
  add_store_options(*command, request->sources);
  command->footer(
      "The store keeps its name and its value, so that no id of it is given again: `nextid define "
      "COUNTER` brings it back, to continue above it. Nodes with a cached block of its ids give "
      "those "
      "out until they next ask the store.\n"
      "Examples:\n"
      "  nextid delete ordres");
  command->callback([request, &outcome] { outcome.exit_code = delete_counter(*request); });
}

}  // namespace nextid::cli
