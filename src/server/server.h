// A whole nextid server in this process. main() runs one; tests start it on port 0.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nextid/accounting.h"
#include "nextid/error.h"
#include "nextid/store.h"

#include "auth/access.h"
#include "net/client_connection.h"
#include "net/client_memory.h"
#include "net/io_thread.h"
#include "net/listener.h"
#include "net/places.h"
#include "net/tls.h"
#include "server/audit_log.h"
#include "server/capacity.h"
#include "server/front_ends.h"
#include "server/logging.h"
#include "server/options.h"
#include "server/reloader.h"
#include "server/reports.h"
#include "service/service.h"
#include "service/sign_in_log.h"

namespace nextid::server {

/// Sockets that listen already, by the name of their front end, in the place of the configured
/// addresses; the server's from now on. Not used where the front end is off.
using ListeningSockets = std::map<std::string, int, std::less<>>;

class Server {
 public:
  /// Opens the store, listens, and serves from its own threads. The error is the store's,
  /// kUnavailable when it can't listen, or kInvalid: the files of tokens or TLS are wrong, or it
  /// must not listen there (server/protected_mode.h). `before_serving` is called when all is ready
  /// and no client has been accepted yet.
  static Result<std::unique_ptr<Server>> start(const Config& config,
                                               const ListeningSockets& sockets = {},
                                               const std::function<void()>& before_serving = {});

  /// stop() with a limit of one second, unless stopped already.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Of a front end that is not off: the port, and "http://127.0.0.1:8000" or the like.
  std::uint16_t port(std::string_view front_end) const;
  std::string url(std::string_view front_end) const;

  /// "http://127.0.0.1:8000 and redis://localhost:6380 (127.0.0.1, ::1)"
  std::string addresses() const;

  /// Reads the files of tokens and TLS again, and opens the audit log again. If a file is wrong,
  /// its content from before stays in force, and it is tried again until it is right. Both outcomes
  /// are logged. Thread-safe.
  void reload();

  /// Has /readyz say 503, so that load balancers send their clients elsewhere, and serves on.
  void announce_stop() noexcept { service_.announce_stop(); }

  /// Stops accepting, answers the requests that it has, closes connections, engines and the store;
  /// then logs and returns where the ids went. Blocks for little more than `limit` at worst.
  /// Idempotent.
  Accounting stop(std::chrono::milliseconds limit);

 private:
  /// What clients of all protocols must pass.
  struct Front {
    std::unique_ptr<auth::Access> access;
    std::unique_ptr<net::TlsServer> tls;  ///< Null: plain.
    std::unique_ptr<AuditLog> audit;      ///< Null: none.
  };
  static Result<Front> open_front(const Config& config, const Logger& logger);
  /// start(), but throws std::system_error where the system has no thread left.
  static Result<std::unique_ptr<Server>> start_with_threads(
      const Config& config, const ListeningSockets& sockets,
      const std::function<void()>& before_serving);

  /// A front end that is not off, and where it listens.
  struct Served {
    const FrontEndKind& kind;
    std::shared_ptr<net::Listener> listener;
  };

  Server(const Config& config, const Capacity& capacity, Front front, Store store,
         const Logger& logger);
  Result<void> listen(const Config& config, const ListeningSockets& sockets);
  void serve();
  void tell_of_sign_ins();
  Result<std::shared_ptr<net::Listener>> listen(const Config& config,
                                                const ListeningSockets& sockets,
                                                const FrontEndKind& kind, net::FrontEnd& front_end);
  const Served* find(std::string_view front_end) const;
  std::string url(const Served& served) const;
  LogFields addresses_by_name() const;
  net::Stream stream_of(net::Socket socket) const;
  void welcome(net::IoThread& io, net::ClientConnection& connection, std::size_t front_end);
  std::size_t open_connections() const noexcept;
  ServerFigures figures() const;
  std::vector<stats::FrontEndCounts> front_end_counts() const;
  void log_eviction(const std::string& peer) const;
  std::vector<Reloadable> reloadables();
  Result<std::string> reload_tokens();
  Result<std::string> reload_tls();
  Result<std::string> reopen_audit_log();
  void log_closing(const Accounting& accounting) const;
  void drain(base::MonotonicTime deadline);

  Logger logger_;
  net::ClientMemory client_memory_;
  const Front front_;
  Store store_;
  Reports reports_;  // Reads the threads' counts, until stop().
  service::Service service_;
  service::SignInLog sign_ins_;
  std::vector<std::unique_ptr<net::FrontEnd>> front_ends_;  // Those that are not off.
  net::Places places_;                                      // Of all kinds of front ends.
  std::vector<std::unique_ptr<net::IoThread>> threads_;     // Have connections of those.
  std::vector<Served> served_;  // Whose listeners use the threads. Empty until all listen.
  bool stopped_ = false;
  Accounting accounting_;
  Reloader reloader_;  // Uses what is before it.
};

}  // namespace nextid::server
