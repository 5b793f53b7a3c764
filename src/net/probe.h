// One question to a server of this machine, as health checks of containers ask it.
#pragma once

#include <chrono>
#include <string>

#include "nextid/error.h"

#include "net/address.h"

namespace nextid::net {

struct Probe {
  HostPort address;  ///< Where it listens. 0.0.0.0 and :: lead to this machine.
  bool tls = false;  ///< Whoever answers there is believed: no secret goes to it.
  /// It wants certificates of its clients (--tls-client-ca), and a probe has none: that it
  /// completes its side of a TLS 1.3 handshake is all that can be learnt, and counts as 200.
  bool handshake_only = false;
  std::string path;                    ///< "/healthz"
  std::chrono::milliseconds limit{0};  ///< For all of it, but the look-up of a name.
};

struct ProbeAnswer {
  int status = 0;    ///< Of HTTP: 200.
  std::string body;  ///< Its first 64 KiB.
};

/// Sends one GET and waits for the answer. kUnavailable says why there is none.
Result<ProbeAnswer> ask(const Probe& probe);

}  // namespace nextid::net
