#include "resp/front_end.h"

#include <chrono>
#include <string_view>
#include <unistd.h>
#include <utility>

#include "nextid/version.h"

#include "resp/connection.h"

namespace nextid::resp {
namespace {

// The version of Redis whose answers these are like; clients look for what it can do.
constexpr std::string_view kRedisVersion = "7.0.0";

// None to speak of: pools of Redis clients keep connections for as long as they live. Not the
// largest number, which nanoseconds do not hold.
constexpr std::chrono::hours kNoTimeout{24 * 365 * 100};

net::ClientSettings with_idle_timeout(net::ClientSettings settings,
                                      std::optional<std::chrono::milliseconds> timeout) {
  settings.idle_timeout = timeout.value_or(kNoTimeout);
  return settings;
}

}  // namespace

FrontEnd::FrontEnd(const net::ClientSettings& clients,
                   std::optional<std::chrono::milliseconds> idle_timeout, const auth::Access& who,
                   const service::Service& asked, std::function<std::size_t()> clients_of_all,
                   Log log)
    : settings(with_idle_timeout(clients, idle_timeout)),
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
  return "# Server\r\nredis_version:" + std::string(kRedisVersion) +
         "\r\nnextid_version:" + std::string(kVersion) +
         "\r\nredis_mode:standalone\r\nprocess_id:" + std::to_string(::getpid()) +
         "\r\ntcp_port:" + std::to_string(port_) +
         "\r\nuptime_in_seconds:" + std::to_string(up.count()) +
         "\r\n\r\n# Clients\r\nconnected_clients:" + std::to_string(open_connections_()) +
         "\r\nmaxclients:" + std::to_string(settings.max_connections) +
         "\r\n\r\n# Persistence\r\nloading:0\r\n\r\n# Stats\r\nids_returned:" +
         std::to_string(accounting.returned) +
         "\r\nids_burned:" + std::to_string(accounting.burned_total()) +
         "\r\nreservations:" + std::to_string(accounting.reservations) +
         "\r\n\r\n# Replication\r\nrole:master\r\nconnected_slaves:0\r\n";
}

}  // namespace nextid::resp
