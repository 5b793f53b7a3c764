// `nextid define` and `nextid advance`: what a counter is, for scripts and migrations.
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "nextid/nextid.h"

#include "base/cat.h"
#include "base/whole_number.h"
#include "cli/chosen_store.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/server_options.h"
#include "http/codec/counter_json.h"

namespace nextid::cli {
namespace {

using base::cat;

constexpr std::chrono::seconds kCloseLimit{1};

struct Request {
  server::ConfigSources sources;
  std::string name;
  DefinitionChange change;
  std::uint64_t to = 1;
  bool json = false;
};

std::uint64_t number_of(const std::string& option, const std::string& text, std::uint64_t min) {
  const auto number = base::whole_number(text, min, kMaxId);
  if (number) return *number;
  throw CLI::ValidationError(
      option, cat("it is '", text, "', and must be a whole number from ", min, " to ", kMaxId));
}

void add_number(CLI::App& command, const std::string& option, std::optional<std::uint64_t>& number,
                const std::string& help, std::uint64_t min = 1) {
  command
      .add_option_function<std::string>(
          option,
          [option, &number, min](const std::string& text) {
            number = number_of(option, text, min);
          },
          help)
      ->type_name("N");
}

std::string describe(const CounterInfo& counter) {
  const Definition& definition = counter.definition;
  std::string text =
      cat("start ", definition.start, ", increment ", definition.increment, ", max ",
          definition.max, ", cache ", definition.cache, ", revision ", definition.revision);
  if (!definition.comment.empty()) text += ", comment " + for_terminal(definition.comment);
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
  const ExitCode code = print(request.json ? json_of(counter)
                                           : cat(defined->created ? "made" : "now", " counter '",
                                                 counter.name, "': ", describe(counter), "\n"));
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

}  // namespace

void add_define(CLI::App& app, Outcome& outcome) {
  const auto request = std::make_shared<Request>();
  DefinitionChange& change = request->change;
  auto* command = app.add_subcommand(
      "define", "Make a counter, or change it; what is left out stays as it is, or is the default");
  command->add_option("NAME", request->name, "The counter")->required();
  add_number(*command, "--start", change.start, "The first id; never changes [1]");
  add_number(*command, "--increment", change.increment,
             "The distance between ids; never changes [1]");
  add_number(*command, "--max", change.max, cat("The largest id [", kMaxId, "]"));
  add_number(*command, "--cache", change.cache,
             "1 is strict; more is faster, and gives up order between processes [1]");
  command
      ->add_option_function<std::string>(
          "--comment", [&change](const std::string& text) { change.comment = text; },
          cat("What the counter is for, at most ", kMaxCommentBytes, " bytes"))
      ->type_name("TEXT");
  add_number(*command, "--revision", change.revision,
             "Change it only if this is its revision still", 0);
  command->add_flag("--json", request->json, "Print the JSON of the HTTP call");
  add_store_options(*command, request->sources);
  command->callback([request, &outcome] { outcome.exit_code = define(*request); });
}

void add_advance(CLI::App& app, Outcome& outcome) {
  const auto request = std::make_shared<Request>();
  auto* command = app.add_subcommand(
      "advance", "Have a counter go on above N: ids up to N count as used, whoever used them");
  command
      ->add_option("NAME", request->name, "The counter, made where it is missing; the store is not")
      ->required();
  command
      ->add_option_function<std::string>(
          "--to", [request](const std::string& text) { request->to = number_of("--to", text, 1); },
          "The last id that must not come any more")
      ->type_name("N")
      ->required();
  command->add_flag("--json", request->json, "Print the JSON of the HTTP call");
  add_store_options(*command, request->sources);
  command->callback([request, &outcome] { outcome.exit_code = advance(*request); });
}

}  // namespace nextid::cli
