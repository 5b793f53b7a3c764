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
          .check_host = config.tokens.empty()};
}

std::unique_ptr<net::FrontEnd> make_http(const FrontEndParts& parts) {
  const Config& config = parts.config;
  return std::make_unique<http::FrontEnd>(config.clients, config.http_limits, parts.access,
                                          browser_settings(config), parts.service, parts.log);
}

std::unique_ptr<net::FrontEnd> make_resp(const FrontEndParts& parts) {
  return std::make_unique<resp::FrontEnd>(parts.config.clients, parts.config.resp_idle_timeout,
                                          parts.access, parts.service, parts.open_connections,
                                          parts.log);
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
