// The protocols that a server can serve: a list, which the server, the sockets that it inherits and
// its log lines go through. A new one is a folder beside src/http, a row in front_ends.cc, and its
// address in Config.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auth/access.h"
#include "base/cat.h"
#include "base/field_log.h"
#include "net/address.h"
#include "net/front_end.h"
#include "server/options.h"
#include "service/audit.h"
#include "service/service.h"
#include "service/sign_in_log.h"
#include "stats/front_end_stats.h"
#include "stats/route_labels.h"

namespace nextid::server {

/// The server as its front ends may show it.
struct ServerFigures {
  std::uint64_t open_connections = 0;                   ///< Of all front ends.
  std::vector<stats::FrontEndCounts> front_end_counts;  ///< Of each, in the order of the list.
  std::uint64_t resident_bytes = 0;
  std::uint64_t counters_in_use = 0;  ///< As of the last second.
};

/// What front ends are made with; all of it outlives them.
struct FrontEndParts {
  const Config& config;
  const auth::Access& access;
  const service::Service& service;
  service::Audit* audit;  ///< Null: none.
  service::SignInLog& sign_ins;
  std::function<ServerFigures()> figures;
  base::FieldLog log;
};

struct FrontEndKind {
  /// Its name in metrics and log lines, and that of a socket that systemd hands over; --NAME is the
  /// option with its address.
  std::string_view name;
  std::string_view scheme;      ///< Of its URLs: "http"
  std::string_view tls_scheme;  ///< "https"
  const stats::FrontEndLabels& labels;
  /// Nothing if the front end is off.
  std::optional<net::HostPort> (*address)(const Config& config);
  std::unique_ptr<net::FrontEnd> (*make)(const FrontEndParts& parts);

  std::string option() const { return base::cat("--", name); }
};

/// In the order in which they are named to people; the first one is never off.
std::span<const FrontEndKind> front_end_kinds();

}  // namespace nextid::server
