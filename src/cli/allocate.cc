// `nextid next` and `nextid range`: ids for scripts.
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "nextid/nextid.h"

#include "base/cat.h"
#include "cli/chosen_store.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/server_options.h"
#include "cli/value_options.h"
#include "http/codec/counter_json.h"

namespace nextid::cli {
namespace {

using base::cat;

constexpr std::chrono::seconds kCloseLimit{1};

struct Request {
  server::ConfigSources sources;
  std::string counter{kDefaultCounter};
  std::uint64_t count = 1;
  bool range = false;
  bool json = false;
  std::string key;  // Empty: none.
};

std::string format(const IdRange& range, const Request& request) {
  std::string text;
  if (request.json) {
    const http::RangeFormat json{.range = request.range, .ids = http::IdFormat::kNumber};
    text = http::RangeJson(range, json).view();
  } else {
    text = std::to_string(range.start());
    if (request.range) text += cat(" ", range.end());
  }
  return text + "\n";
}

int allocate(const Request& request) {
  auto store = open_chosen_store(request.sources);
  if (!store) return report(store.error());
  const IdGenerator generator(*store, request.counter);
  const bool has_key = !request.key.empty();
  const auto range = has_key ? generator.next_range(request.count, request.key)
                             : generator.next_range(request.count);
  if (!range) return report(range.error());

  // The ids are printed before the slot is released, so a release that fails costs no id.
  const std::string text = format(*range, request);
  const bool written = write_output(text);
  if (!written) {
    tell(cat("Can't write to standard output (", std::strerror(errno), "); ",
             has_key ? "its key keeps" : "lost", ": ",
             text.substr(0, text.find_last_not_of('\n') + 1)));
    if (!has_key) generator.count_undelivered(range->count());
  }
  store->close(kCloseLimit);
  return written ? kOk : kFailure;
}

void add_command(CLI::App& app, Outcome& outcome, bool range) {
  const auto request = std::make_shared<Request>();
  request->range = range;
  auto* command =
      range ? app.add_subcommand("range", "Print N neighbouring ids as 'START END', both inclusive")
            : app.add_subcommand("next", "Print one new id");
  if (range) {
    add_number(
        *command, "N", {1, StoreOptions().max_range},
        [request](std::uint64_t count) { request->count = count; }, "How many ids")
        ->required();
  }
  add_name(*command, "COUNTER", request->counter, "The counter, created on first use");
  const auto take_key = [request](const std::string& key) {
    if (!is_idempotency_key(key)) {
      refuse_value("--key", key, "it must be 1 to 255 printable ASCII characters");
    }
    request->key = key;
  };
  command
      ->add_option_function<std::string>(
          "--key", take_key,
          "An idempotency key of 1 to 255 printable ASCII characters: while the store keeps "
          "it, a day, the same key prints the same ids")
      ->type_name("KEY");
  command->add_flag("--json", request->json, "Print the JSON of the HTTP call");
  add_store_options(*command, request->sources);
  command->footer(
      range ? "The command opens the store itself; no server needs to run, and servers may.\n"
              "Examples:\n"
              "  nextid range 10 orders                  1 10\n"
              "  nextid range 10 orders --key batch-7    the same range again for the same key"
            : "The command opens the store itself; no server needs to run, and servers may.\n"
              "Examples:\n"
              "  nextid next                             1\n"
              "  nextid next orders --key invoice-17     the same id again for the same key\n"
              "  nextid next orders --json               {\"id\":8}");
  command->callback([request, &outcome] { outcome.exit_code = allocate(*request); });
}

}  // namespace

void add_allocate(CLI::App& app, Outcome& outcome) {
  add_command(app, outcome, false);
  add_command(app, outcome, true);
}

}  // namespace nextid::cli
