// `nextid probe`: asks the server of this machine, as health checks of containers do.
#include "net/probe.h"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include "base/cat.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/option_words.h"
#include "cli/output.h"
#include "cli/server_options.h"
#include "cli/value_options.h"

namespace nextid::cli {
namespace {

using base::cat;

// Health checks come again soon, and have limits of their own around this.
constexpr std::chrono::seconds kLimit(4);

constexpr std::string_view kHealth = "/healthz";

Error not_well(const server::Config& config, const std::string& path,
               const net::ProbeAnswer& answer) {
  return Error(ErrorCode::kUnavailable, cat(config.http.to_string(), " answered GET ", path,
                                            " with ", answer.status, ": ", answer.body));
}

int probe(const server::ConfigSources& sources, const std::string& path) {
  const auto config = server::load_config(sources);
  if (!config) return report(config.error());
  if (config->http.port == 0) {
    return report(Error(ErrorCode::kInvalid,
                        "the port of --http is 0: say on which port the server listens."));
  }
  const bool wants_certificates = !config->tls.client_ca.empty();
  if (wants_certificates && path != kHealth) {
    return report(Error(ErrorCode::kInvalid,
                        cat("with --tls-client-ca the server answers ", path,
                            " only to clients with a certificate, which a probe has not; ask ",
                            kHealth, ", or use `curl --cert`.")));
  }
  const auto answer = net::ask({.address = config->http,
                                .tls = !config->tls.certificate.empty(),
                                .handshake_only = wants_certificates,
                                .path = path,
                                .limit = kLimit});
  if (!answer) return report(answer.error());
  return answer->status == 200 ? kOk : report(not_well(*config, path, *answer));
}

}  // namespace

void add_probe(CLI::App& app, Outcome& outcome) {
  const auto sources = std::make_shared<server::ConfigSources>();
  const auto path = std::make_shared<std::string>(kHealth);
  auto* command = app.add_subcommand("probe", "Ask a server of this machine whether it is well");
  auto* argument = command->add_option(
      "PATH", *path, "What to ask: /healthz, or /readyz for whether it gives ids [/healthz]");
  offer(*argument, "/healthz /readyz");
  argument->each([](const std::string& text) {
    const bool is_path = text.starts_with('/') && text.find(' ') == std::string::npos;
    if (!is_path) refuse_value("PATH", text, "it must begin with '/', and have no blanks");
  });
  add_listening_options(*command, *sources);
  command->footer(
      "For health checks of containers. Finds the server by the options of `nextid serve`, from "
      "the environment and the file, too. Says nothing and exits 0 where the answer is 200, and "
      "exits 3 where it is another one, or none comes within 4 seconds. A server with "
      "--tls-client-ca tells probes nothing: that it begins TLS counts as 200 for /healthz.\n"
      "Examples:\n"
      "  nextid probe\n"
      "  nextid probe /readyz --http 127.0.0.1:8000");
  command->callback([sources, path, &outcome] { outcome.exit_code = probe(*sources, *path); });
}

}  // namespace nextid::cli
