#include "server/front_ends.h"

#include <array>

#include "http/codec/routes.h"
#include "http/front_end.h"
#include "resp/codec/commands.h"
#include "resp/front_end.h"

namespace nextid::server {
namespace {

http::BrowserGuard::Settings browser_settings(const Config& config) {
  return {.listen_host = config.http.host,
          .allowed_hosts = config.allowed_hosts,
          .check_host = config.tokens.empty(),
          .refuse_proxies = config.tokens.empty() && !config.insecure,
          .is_tls = !config.tls.certificate.empty()};
}

std::unique_ptr<net::FrontEnd> make_http(const FrontEndParts& parts) {
  const Config& config = parts.config;
  return std::make_unique<http::FrontEnd>(config.clients, config.http_limits, parts.access,
                                          browser_settings(config), parts.service, parts.audit,
                                          parts.sign_ins, parts.log);
}

resp::Figures resp_figures(const ServerFigures& server) {
  resp::Figures figures{.open_connections = server.open_connections,
                        .resident_bytes = server.resident_bytes,
                        .counters_in_use = server.counters_in_use};
  for (const stats::FrontEndCounts& counts : server.front_end_counts) {
    if (counts.labels.name != resp::kLabels.name) continue;
    figures.connections = counts.connections;
    figures.commands = counts.requests_in_all();
  }
  return figures;
}

std::unique_ptr<net::FrontEnd> make_resp(const FrontEndParts& parts) {
  return std::make_unique<resp::FrontEnd>(
      parts.config.clients, parts.config.resp_idle_timeout, parts.access, parts.service,
      parts.audit, parts.sign_ins, [figures = parts.figures] { return resp_figures(figures()); },
      [log = parts.log](LogLevel level, const std::string& line) { log(level, line, {}); });
}

}  // namespace

std::span<const FrontEndKind> front_end_kinds() {
  static const std::array kKinds{
      FrontEndKind{"http", "http", "https", http::kLabels,
                   [](const Config& config) { return std::optional(config.http); }, make_http},
      FrontEndKind{"resp", "redis", "rediss", resp::kLabels,
                   [](const Config& config) { return config.resp; }, make_resp},
  };
  return kKinds;
}

}  // namespace nextid::server
