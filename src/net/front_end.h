// One protocol that is served.
#pragma once

#include <memory>

#include "net/address.h"
#include "net/client_connection.h"
#include "net/io_thread.h"
#include "net/stream.h"

namespace nextid::net {

/// What the connections of one protocol share. Outlives them. Thread-safe.
class FrontEnd {
 public:
  FrontEnd() = default;
  virtual ~FrontEnd() = default;
  FrontEnd(const FrontEnd&) = delete;
  FrontEnd& operator=(const FrontEnd&) = delete;

  /// The connection of a client that was accepted, before it begins to read. On `io`'s thread.
  virtual std::shared_ptr<ClientConnection> connect(IoThread& io, Stream stream) = 0;

  /// Told once where it listens, before the first client comes.
  virtual void listens_on(const HostPort&) {}
};

}  // namespace nextid::net
