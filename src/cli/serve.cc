// `nextid serve`: the server as a process, with its signals and limits.
#include <memory>
#include <string_view>
#include <sys/resource.h>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/server_options.h"
#include "cli/stop_signals.h"
#include "server/front_ends.h"
#include "server/options.h"
#include "server/server.h"
#include "store/factory.h"
#include "systemd/service_manager.h"

namespace nextid::cli {
namespace {

// Each client is a file descriptor; systems start processes with far fewer than they allow.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Clients' tokens, the key of TLS and those of AWS are in this process's memory, which a core dump
// would lay on a disk. The hard limit stays, so that who looks for a fault can allow dumps.
void forbid_core_dumps(const server::Config& config) {
  const bool has_secrets = !config.tokens.empty() || !config.tls.key.empty() ||
                           !store::local_file(config.store).has_value();
  rlimit limit{};
  if (!has_secrets || getrlimit(RLIMIT_CORE, &limit) != 0) return;
  limit.rlim_cur = 0;
  setrlimit(RLIMIT_CORE, &limit);
}

int serve(const server::ConfigSources& sources) {
  const auto config = server::load_config(sources);
  if (!config) return report(config.error());

  raise_descriptor_limit();
  forbid_core_dumps(*config);
  StopSignals signals;
  std::vector<std::string_view> names;
  for (const auto& kind : server::front_end_kinds()) names.push_back(kind.name);
  const auto sockets = systemd::take_inherited_sockets(names);
  if (!sockets) return report(sockets.error());
  const auto server = server::Server::start(*config, *sockets, [&signals] { signals.take_over(); });
  if (!server) return report(server.error());
  systemd::notify_ready("Serving " + (*server)->addresses());
  signals.wait([&server] { (*server)->reload(); });
  systemd::notify_stopping();
  if (config->drain_delay) {
    (*server)->announce_stop();
    std::this_thread::sleep_for(*config->drain_delay);
  }
  (*server)->stop(config->shutdown_timeout);
  return kOk;
}

}  // namespace

void add_serve(CLI::App& app, Outcome& outcome) {
  const auto sources = std::make_shared<server::ConfigSources>();
  auto* command = app.add_subcommand("serve", "Serve ids over HTTP and the Redis protocol");
  add_server_options(*command, *sources);
  command->footer(
      "A flag wins over the environment, the environment over the file. In brackets: the default, "
      "and the environment variable.\n"
      "The first SIGTERM or SIGINT stops accepting, answers what waits, closes the store and exits "
      "0; a second one ends the process at once. SIGHUP reads the files of tokens and certificates "
      "again, and opens the audit log again.\n"
      "Examples:\n"
      "  nextid serve --store sqlite:/var/lib/nextid/ids.db\n"
      "  nextid serve --config /etc/nextid/nextid.toml\n"
      "  nextid serve --http 0.0.0.0:8000 --tokens /etc/nextid/tokens");
  command->callback([sources, &outcome] { outcome.exit_code = serve(*sources); });
}

}  // namespace nextid::cli
