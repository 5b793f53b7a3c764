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

std::optional<std::string> exposure_of_tokens(const Config& config, const net::HostPort& address,
                                              bool is_loopback) {
  const bool is_encrypted = !config.tls.certificate.empty();
  if (is_loopback || is_encrypted || config.insecure || config.tokens.empty()) return std::nullopt;
  return cat(
      "Tokens travel in the clear to ", address.to_string(),
      ", and whoever is on the way can use them. Give --tls-cert and --tls-key, or listen on "
      "loopback behind a proxy with TLS; or say --insecure if the network keeps others out.");
}

}  // namespace nextid::server
