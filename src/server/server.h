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
#include "net/http_settings.h"
#include "net/io_thread.h"
#include "net/listener.h"
#include "net/resp_node.h"
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
  /// Opens the store, listens, and serves from its own threads. The error is the store's, or
  /// kUnavailable when it can't listen.
  static Result<std::unique_ptr<Server>> start(const Config& config,
                                               const ListeningSockets& sockets = {});

  /// stop() with a limit of one second, unless stopped already.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t http_port() const noexcept { return http_->address().port; }
  /// "http://127.0.0.1:8000"
  std::string http_url() const { return "http://" + http_->address().to_string(); }
  /// Requires Config::resp.
  std::uint16_t resp_port() const noexcept { return resp_->address().port; }

  /// "http://127.0.0.1:8000 and redis://127.0.0.1:6380"
  std::string addresses() const;

  /// Stops accepting, answers what it has, closes connections, engines and the store; then logs and
  /// returns where the ids went. Blocks for little more than `limit` at worst. Idempotent.
  Accounting stop(std::chrono::milliseconds limit);

 private:
  Server(const Config& config, Store store, const Logger& logger);
  Result<void> listen(const Config& config, const ListeningSockets& sockets);
  Result<std::shared_ptr<net::Listener>> listen(const net::HostPort& address,
                                                std::optional<int> socket, std::string_view option,
                                                net::Listener::Welcome welcome);
  std::string resp_url() const;
  void welcome(net::ClientConnection& connection);
  std::size_t open_connections() const noexcept;
  stats::FrontEndCounts front_end_counts() const;
  void log_closing(const Accounting& accounting) const;
  void drain(base::MonotonicTime deadline);

  Logger logger_;
  Store store_;
  Reports reports_;  // Reads the threads' counts, until stop().
  const net::HttpSettings http_settings_;
  const auth::Access access_;
  net::RespNode resp_node_{access_};
  std::vector<std::unique_ptr<net::IoThread>> threads_;
  std::shared_ptr<net::Listener> http_;  // After the threads whose event loop they use.
  std::shared_ptr<net::Listener> resp_;  // None where RESP is off.
  bool stopped_ = false;
  Accounting accounting_;
};

}  // namespace nextid::server
