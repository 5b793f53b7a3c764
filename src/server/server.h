// A whole nextid server in this process. main() runs one; tests start it on port 0.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nextid/accounting.h"
#include "nextid/error.h"
#include "nextid/store.h"

#include "auth/access.h"
#include "net/client_connection.h"
#include "net/http_gate.h"
#include "net/http_node.h"
#include "net/io_thread.h"
#include "net/listener.h"
#include "net/resp_node.h"
#include "net/tls.h"
#include "server/logging.h"
#include "server/options.h"
#include "server/reports.h"

namespace nextid::server {

/// Sockets that listen already, in the place of the configured addresses; the server's from now on.
struct ListeningSockets {
  std::optional<int> http = {};
  std::optional<int> resp = {};  ///< Not used where RESP is off.
};

class Server {
 public:
  /// Opens the store, listens, and serves from its own threads. The error is the store's,
  /// kUnavailable when it can't listen, or kInvalid: the files of tokens or TLS are wrong, or it
  /// must not listen there (server/protected_mode.h).
  static Result<std::unique_ptr<Server>> start(const Config& config,
                                               const ListeningSockets& sockets = {});

  /// stop() with a limit of one second, unless stopped already.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t http_port() const noexcept { return http_->address().port; }
  /// "http://127.0.0.1:8000", and https where there is TLS.
  std::string http_url() const {
    return (front_.tls ? "https://" : "http://") + http_->address().to_string();
  }
  /// Requires Config::resp.
  std::uint16_t resp_port() const noexcept { return resp_->address().port; }

  /// "http://127.0.0.1:8000 and redis://127.0.0.1:6380"
  std::string addresses() const;

  /// Reads the files of tokens and TLS again. Where one is wrong, what it said before stays in
  /// force. The log tells either. Thread-safe.
  void reload();

  /// Stops accepting, answers what it has, closes connections, engines and the store; then logs and
  /// returns where the ids went. Blocks for little more than `limit` at worst. Idempotent.
  Accounting stop(std::chrono::milliseconds limit);

 private:
  /// What decides over clients, for all protocols.
  struct Front {
    std::unique_ptr<auth::Access> access;
    std::unique_ptr<net::TlsServer> tls;  ///< Null: plain.
  };
  static Result<Front> open_front(const Config& config);

  Server(const Config& config, Front front, Store store, const Logger& logger);
  Result<void> listen(const Config& config, const ListeningSockets& sockets);
  Result<std::shared_ptr<net::Listener>> listen(const Config& config, const net::HostPort& address,
                                                std::optional<int> socket, std::string_view option,
                                                net::Listener::Welcome welcome);
  std::string resp_url() const;
  net::Stream stream_of(net::Socket socket) const;
  void welcome(net::ClientConnection& connection);
  std::size_t open_connections() const noexcept;
  stats::FrontEndCounts front_end_counts() const;
  void log_closing(const Accounting& accounting) const;
  void drain(base::MonotonicTime deadline);

  Logger logger_;
  const Front front_;
  net::HttpGate gate_;
  Store store_;
  Reports reports_;  // Reads the threads' counts, until stop().
  net::HttpNode http_node_;
  net::RespNode resp_node_;
  std::vector<std::unique_ptr<net::IoThread>> threads_;
  std::shared_ptr<net::Listener> http_;  // After the threads whose event loop they use.
  std::shared_ptr<net::Listener> resp_;  // None where RESP is off.
  bool stopped_ = false;
  Accounting accounting_;
};

}  // namespace nextid::server
