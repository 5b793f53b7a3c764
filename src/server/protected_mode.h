// Protected mode: without tokens a server listens on loopback alone, unless it is told --insecure.
#pragma once

#include <optional>
#include <string>

#include "nextid/error.h"

#include "net/address.h"
#include "server/options.h"

namespace nextid::server {

/// kInvalid, and what to do, where `address` must not be listened on. `is_loopback` tells what the
/// address, or its name, stands for.
Result<void> check_exposure(const Config& config, const net::HostPort& address, bool is_loopback);

/// A sentence of warning where tokens would come to `address` over the network without TLS, and
/// nobody said --insecure.
std::optional<std::string> exposure_of_tokens(const Config& config, const net::HostPort& address,
                                              bool is_loopback);

}  // namespace nextid::server
