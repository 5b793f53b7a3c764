// `nextid counters`: what the store has.
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "nextid/nextid.h"

#include "cli/chosen_store.h"
#include "cli/commands.h"
#include "cli/counter_table.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/server_options.h"
#include "http/codec/counter_json.h"

namespace nextid::cli {
namespace {

struct Request {
  server::ConfigSources sources;
  bool deleted = false;
  bool json = false;
};

int list(const Request& request) {
  auto store = open_existing_store(request.sources);
  if (!store) return report(store.error());
  const auto counters = all_counters(*store, request.deleted);
  if (!counters) return report(counters.error());
  if (!request.json) return print(counter_table(counters->counters));
  return print(http::page_json(*counters, http::IdFormat::kNumber) + "\n");
}

}  // namespace

void add_counters(CLI::App& app, Outcome& outcome) {
  const auto request = std::make_shared<Request>();
  auto* command = app.add_subcommand("counters", "List all counters, by name");
  command->add_flag("--deleted", request->deleted, "Those that were deleted, and no others");
  command->add_flag("--json", request->json, "Print the JSON of GET /v1/counters");
  add_store_options(*command, request->sources);
  command->footer(
      "Each with its value, which is the last id reserved from it, and its definition. A store "
      "that is missing is not made.\n"
      "Examples:\n"
      "  nextid counters --store sqlite:/var/lib/nextid/ids.db");
  command->callback([request, &outcome] { outcome.exit_code = list(*request); });
}

}  // namespace nextid::cli
