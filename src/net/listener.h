// Accepts clients on one address and gives them to the I/O threads in turn.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include "nextid/error.h"
#include "nextid/store.h"

#include "base/clock.h"
#include "net/address.h"
#include "net/io_thread.h"
#include "net/reactor.h"
#include "net/socket.h"

namespace nextid::net {

/// Runs on the first I/O thread. When no file descriptor is left for clients it waits and tries
/// again.
class Listener : public std::enable_shared_from_this<Listener> {
 public:
  /// Makes and starts the connection of one client; called on `io`'s thread.
  using Welcome = std::function<void(IoThread& io, Socket socket)>;
  using Log = std::function<void(LogLevel, const std::string&)>;
  /// Clients leave so many of the highest descriptors alone (half of them, where there are fewer
  /// than twice as many): for files that must be opened also when clients are many, such as the
  /// tokens.
  static constexpr std::size_t kSpareDescriptors = 32;

  /// Binds and listens at once, on all addresses of a name that this machine has; kUnavailable says
  /// why that is impossible, and with which option to choose another address. The threads must
  /// outlive the listener's use: call close() before they stop.
  static Result<std::shared_ptr<Listener>> open(const HostPort& address, std::string_view option,
                                                std::vector<IoThread*> threads, Welcome welcome,
                                                Log log);
  /// The same with a TCP socket that listens already, which is the listener's from now on.
  static Result<std::shared_ptr<Listener>> adopt(int descriptor, std::vector<IoThread*> threads,
                                                 Welcome welcome, Log log);

  /// Where it listens, with the port that the system chose for port 0.
  const HostPort& address() const noexcept { return address_; }
  /// The IP addresses: several where it is a name that has several.
  std::vector<std::string> endpoints() const;
  /// Whether only this machine reaches it.
  bool is_loopback() const;

  /// Begins to accept.
  void start();
  /// Stops accepting and frees the address; blocks until that is done. Not to be called from an I/O
  /// thread.
  void close();

 private:
  using Endpoint = boost::asio::ip::tcp::endpoint;

  /// One address of the name.
  class Acceptor final : public Reactor::Handler {
   public:
    Acceptor(Listener& listener, Socket listening, Endpoint endpoint)
        : listener_(listener), socket_(std::move(listening)), endpoint_(std::move(endpoint)) {}

    const Socket& socket() const noexcept { return socket_; }
    const Endpoint& endpoint() const noexcept { return endpoint_; }

    /// Accepts from now on; also after wait_for_descriptors().
    void start();
    void close();
    void on_ready(Readiness) override { accept(); }

   private:
    void accept();
    bool move_from_spare();

    Listener& listener_;
    Socket socket_;
    const Endpoint endpoint_;
    bool watched_ = false;   // By the reactor.
    Socket waiting_client_;  // It has a spare descriptor until there is another one.
  };

  Listener(std::vector<IoThread*> threads, Welcome welcome, Log log);
  Reactor& reactor() const noexcept { return threads_.front()->reactor(); }
  boost::system::error_code bind(const std::vector<Endpoint>& endpoints);
  boost::system::error_code bind_once(const std::vector<Endpoint>& endpoints);
  boost::system::error_code add(Socket listening);
  void welcome(Socket client);
  void wait_for_descriptors(Acceptor& acceptor, const boost::system::error_code& error);

  const std::vector<IoThread*> threads_;
  const Welcome welcome_;
  const Log log_;
  HostPort address_;
  std::list<Acceptor> acceptors_;
  std::vector<Acceptor*> waiting_;  // For descriptors.
  std::size_t next_thread_ = 0;
  base::MonotonicTime last_warning_;
};

}  // namespace nextid::net
