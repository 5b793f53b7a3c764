#include "resp/front_end.h"

#include <chrono>
#include <string_view>
#include <unistd.h>
#include <utility>

#include "nextid/version.h"

#include "base/cat.h"
#include "resp/connection.h"

namespace nextid::resp {
namespace {

using base::cat;

// The version of Redis that answers follow: clients conclude from it what a server can do.
constexpr std::string_view kRedisVersion = "7.0.0";

// None to speak of: pools of Redis clients keep connections for as long as they live. Not the
// largest number, which nanoseconds do not hold.
constexpr std::chrono::hours kIdleTimeout{24 * 365 * 100};

net::ClientSettings without_idle_timeout(net::ClientSettings settings) {
  settings.idle_timeout = kIdleTimeout;
  return settings;
}

}  // namespace

FrontEnd::FrontEnd(const net::ClientSettings& clients, const auth::Access& who,
                   const service::Service& asked, std::function<std::size_t()> clients_of_all,
                   Log log)
    : settings(without_idle_timeout(clients)),
      access(who),
      service(asked),
      open_connections_(std::move(clients_of_all)),
      log_(std::move(log)) {}

std::shared_ptr<net::ClientConnection> FrontEnd::connect(net::IoThread& io, net::Stream stream) {
  return std::make_shared<Connection>(io, std::move(stream), *this);
}

void FrontEnd::note_http() {
  if (++http_cut_off_ == 1 && log_) {
    log_(LogLevel::kWarning,
         "A client spoke HTTP to the RESP port and was cut off; so will be others, without a line "
         "each. If it was meant well, HTTP is on the address of --http.");
  }
}

std::string FrontEnd::info(const Accounting& accounting) const {
  const auto up =
      std::chrono::duration_cast<std::chrono::seconds>(base::monotonic_now() - started_);
  return cat(
      "# Server\r\nredis_version:", kRedisVersion, "\r\nnextid_version:", kVersion,
      "\r\nredis_mode:standalone\r\nprocess_id:", ::getpid(), "\r\ntcp_port:", port_,
      "\r\nuptime_in_seconds:", up.count(),
      "\r\n\r\n# Clients\r\nconnected_clients:", open_connections_(),
      "\r\nmaxclients:", settings.max_connections,
      "\r\n\r\n# Persistence\r\nloading:0\r\n\r\n# Stats\r\nids_returned:", accounting.returned,
      "\r\nids_burned:", accounting.burned_total(), "\r\nreservations:", accounting.reservations,
      "\r\n\r\n# Replication\r\nrole:master\r\nconnected_slaves:0\r\n");
}

}  // namespace nextid::resp
