// A whole nextid server in this process. main() runs one; tests start it on port 0.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nextid/accounting.h"
#include "nextid/error.h"
#include "nextid/store.h"

#include "net/http_settings.h"
#include "net/io_thread.h"
#include "net/listener.h"
#include "server/logging.h"
#include "server/options.h"
#include "server/reports.h"

namespace nextid::server {

/// Sockets that listen already, in the place of the configured addresses; the server's from now on.
struct ListeningSockets {
  std::optional<int> http = {};
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

  /// Stops accepting, answers what it has, closes connections, engines and the store; then logs and
  /// returns where the ids went. Blocks for little more than `limit` at worst. Idempotent.
  Accounting stop(std::chrono::milliseconds limit);

 private:
  Server(const Config& config, Store store, const Logger& logger);
  Result<void> listen(const net::HostPort& address, std::optional<int> socket);
  void welcome(net::IoThread& io, net::Socket socket);
  std::size_t open_connections() const noexcept;
  stats::FrontEndCounts front_end_counts() const;
  void log_closing(const Accounting& accounting) const;
  void drain(base::MonotonicTime deadline);

  const net::HttpSettings http_settings_;
  Logger logger_;
  Store store_;
  std::vector<std::unique_ptr<net::IoThread>> threads_;
  std::shared_ptr<net::Listener> http_;  // After the threads whose event loop it uses.
  Reports reports_;                      // The same.
  bool stopped_ = false;
  Accounting accounting_;
};

}  // namespace nextid::server
