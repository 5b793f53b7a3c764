// `nextid schema`: the tables of a store, for people who make them themselves.
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/server_options.h"
#include "store/factory.h"

namespace nextid::cli {
namespace {

int show_schema(const server::ConfigSources& sources) {
  const auto config = server::load_config(sources);
  if (!config) return report(config.error());
  const auto schema = store::schema_of(config->store);
  return schema ? print(*schema) : report(schema.error());
}

}  // namespace

void add_schema(CLI::App& app, Outcome& outcome) {
  const auto sources = std::make_shared<server::ConfigSources>();
  auto* command =
      app.add_subcommand("schema", "The SQL that makes a store's tables, and the rights it needs");
  add_store_options(*command, *sources);
  command->footer(
      "For those who make the tables themselves, and let the server have no more rights than it "
      "needs: give it --no-create-store then. Reads nothing but the URL.\n"
      "Examples:\n"
      "  nextid schema --store postgres://nextid@db.example/ids | psql ids");
  command->callback([sources, &outcome] { outcome.exit_code = show_schema(*sources); });
}

}  // namespace nextid::cli
