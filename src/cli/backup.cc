// `nextid backup` and `nextid restore`: copies of a store, and putting one back.
#include "store/backup.h"

#include <cstdio>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/cat.h"
#include "cli/commands.h"
#include "cli/counter_table.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/recovery.h"
#include "cli/server_options.h"

namespace nextid::cli {
namespace {

using base::cat;

std::string time_text(std::int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return text;
}

std::vector<CounterInfo> counters_in_use(const store::BackupContents& contents) {
  std::vector<CounterInfo> counters = contents.counters;
  std::erase_if(counters, [](const CounterInfo& counter) { return counter.deleted; });
  return counters;
}

std::string describe(const store::BackupContents& contents) {
  const std::size_t count = counters_in_use(contents).size();
  const std::size_t deleted = contents.counters.size() - count;
  return cat(count, count == 1 ? " counter" : " counters",
             deleted == 0 ? "" : cat(", and ", deleted, " deleted,"), " of the store ",
             for_terminal(contents.identity));
}

struct BackupRequest {
  server::ConfigSources sources;
  std::string file;
  bool force = false;
};

int back_up(const BackupRequest& request) {
  const auto config = server::load_config(request.sources);
  if (!config) return report(config.error());
  const auto contents = store::back_up(config->store, request.file, request.force);
  if (!contents) return report(contents.error());
  return print(cat("Wrote ", request.file, ": ", describe(*contents), ", verified.\n",
                   counter_table(counters_in_use(*contents))));
}

struct RestoreRequest {
  std::string file;
  bool force = false;
  RecoveryRequest recovery;
};

int restore(const RestoreRequest& request) {
  // Before anything is touched.
  if (const auto problem = problem_with(request.recovery)) return report(*problem);
  const auto config = server::load_config(request.recovery.sources);
  if (!config) return report(config.error());
  const std::string& url = config->store;
  const auto contents = store::restore(request.file, url, request.force);
  if (!contents) return report(contents.error());
  tell(cat("Restored ", describe(*contents), " to ", url, ", last used ",
           time_text(contents->used_s), "."));
  return recover(request.recovery, *config);
}

}  // namespace

void add_backup(CLI::App& app, Outcome& outcome) {
  const auto request = std::make_shared<BackupRequest>();
  auto* command = app.add_subcommand("backup", "Copy a store, also one in use, to a file");
  command->add_option("FILE", request->file, "Where to write the copy")->required();
  command->add_flag("--force", request->force, "Replace FILE if it exists");
  add_store_options(*command, request->sources);
  command->footer(
      "The copy is of one moment, checked, and there as a whole or not at all. It gives out no "
      "ids before `nextid restore` has put it back. For sqlite stores; databases have backups of "
      "their own, which their pages in docs/ tell of.\n"
      "Examples:\n"
      "  nextid backup /backup/ids.db --store sqlite:/var/lib/nextid/ids.db");
  command->callback([request, &outcome] { outcome.exit_code = back_up(*request); });
}

void add_restore(CLI::App& app, Outcome& outcome) {
  const auto request = std::make_shared<RestoreRequest>();
  auto* command = app.add_subcommand("restore", "Put a backup in the place of a store");
  command->add_option("FILE", request->file, "The backup")->required();
  command->add_flag("--force", request->force,
                    "Set a store that is there aside, as PATH-set-aside-TIME");
  add_recovery_options(*command, request->recovery);
  request->recovery.all = true;
  command->footer(
      "Ids that were given out after the backup would be given again: so say how far to skip, "
      "with --skip N, or --exact if there were none. Stop all that use the store first.\n"
      "Examples:\n"
      "  nextid restore /backup/ids.db --skip 1000000 --store sqlite:/srv/ids.db");
  command->callback([request, &outcome] { outcome.exit_code = restore(*request); });
}

}  // namespace nextid::cli
