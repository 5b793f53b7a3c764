// `nextid serve`: the server as a process, with its signals and limits.
#include <cstdlib>
#include <memory>
#include <optional>
#include <signal.h>
#include <string>
#include <sys/resource.h>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "server/options.h"
#include "server/server.h"

namespace nextid::cli {
namespace {

struct Request {
  server::ConfigSources sources;
  bool help_markdown = false;
};

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

sigset_t awaited_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  return signals;
}

// Each client is a file descriptor; systems start processes with far fewer than they allow.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Blocks until SIGTERM or SIGINT; from then on a second one ends the process at once. SIGHUP has
// the server read its files again.
void wait_for_stop_signal(server::Server& server) {
  sigset_t signals = awaited_signals();
  for (int signal = 0; signal != SIGTERM && signal != SIGINT;) {
    sigwait(&signals, &signal);
    if (signal == SIGHUP) server.reload();
  }
  sigdelset(&signals, SIGHUP);  // Which must not end a stop in good order.
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

int serve(const Request& request) {
  if (request.help_markdown) {
    return write_output(server::options_markdown()) ? kOk : kFailure;
  }
  const auto config = server::load_config(request.sources);
  if (!config) return report(config.error());

  raise_descriptor_limit();
  // Before any thread starts, so that all inherit it and sigwait() alone gets them.
  const sigset_t signals = awaited_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const auto server = server::Server::start(*config);
  if (!server) return report(server.error());
  wait_for_stop_signal(**server);
  (*server)->stop(config->shutdown_timeout);
  return kOk;
}

void add_option(CLI::App& command, const server::Option& option,
                const std::shared_ptr<Request>& request) {
  const std::string name(option.name);
  const auto set = [request, name](const std::string& value) {
    request->sources.flags[name] = value;
  };
  const std::string help = std::string(option.help) + " [" + std::string(option.default_text) +
                           "; " + option.environment_name() + "]";
  if (option.is_switch()) {
    command.add_flag_callback(
        "--" + name, [set] { set("true"); }, help);
  } else {
    command.add_option_function<std::string>("--" + name, set, help)
        ->type_name(std::string(option.value_name));
  }
}

}  // namespace

void add_serve(CLI::App& app, Outcome& outcome) {
  const auto request = std::make_shared<Request>();
  request->sources.environment = environment;
  auto* command = app.add_subcommand("serve", "Serve ids over HTTP until SIGTERM or SIGINT");
  for (const auto& option : server::options()) add_option(*command, option, request);
  command
      ->add_option_function<std::string>(
          "--config", [request](const std::string& path) { request->sources.file = path; },
          "A TOML file of these options, as  http = \"0.0.0.0:8000\"  [" +
              std::string(server::kConfigEnvironmentName) + "]")
      ->type_name("FILE");
  command->add_flag("--help-markdown", request->help_markdown)->group("");
  command->footer(
      "A flag wins over the environment, the environment over the file. The first SIGTERM or\n"
      "SIGINT stops accepting, answers what waits, closes the store and exits 0; a second one\n"
      "ends the process at once. SIGHUP reads the files of tokens and certificates again.");
  command->callback([request, &outcome] { outcome.exit_code = serve(*request); });
}

}  // namespace nextid::cli
