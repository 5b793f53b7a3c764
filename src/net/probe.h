// One question to a server of this machine, as health checks of containers ask it.
#pragma once

#include <chrono>
#include <string>

#include "nextid/error.h"

#include "net/address.h"

namespace nextid::net {

struct Probe {
  HostPort address;  ///< Where it listens; for all addresses (0.0.0.0, ::) that is loopback.
  bool tls = false;  ///< Whoever answers there is believed: no secret goes to it.
  std::string path;  ///< "/healthz"
  std::chrono::milliseconds limit{0};  ///< For all of it.
};

struct ProbeAnswer {
  int status = 0;    ///< Of HTTP: 200.
  std::string body;  ///< Its first 64 KiB.
};

/// Sends one GET and waits for the answer. kUnavailable says why there is none.
Result<ProbeAnswer> ask(const Probe& probe);

}  // namespace nextid::net
