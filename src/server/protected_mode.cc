#include "server/protected_mode.h"

#include "base/cat.h"

namespace nextid::server {

using base::cat;

Result<void> check_exposure(const Config& config, const net::HostPort& address, bool is_loopback) {
  if (is_loopback || config.insecure || !config.tokens.empty()) return {};
  return Error(ErrorCode::kInvalid,
               cat("Listening on ", address.to_string(),
                   " would let everyone who reaches it take ids and change counters. Give clients "
                   "tokens with --tokens FILE, which `nextid token` makes; or say --insecure if "
                   "the network keeps others out."));
}

}  // namespace nextid::server
