// Protected mode: without tokens a server listens on loopback alone, unless it is told --insecure.
#pragma once

#include "nextid/error.h"

#include "net/address.h"
#include "server/options.h"

namespace nextid::server {

/// kInvalid, and what to do, where `address` must not be listened on. `is_loopback` tells what the
/// address, or its name, stands for.
Result<void> check_exposure(const Config& config, const net::HostPort& address, bool is_loopback);

}  // namespace nextid::server
