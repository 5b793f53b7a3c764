#include "net/listener.h"

#include <array>
#include <cerrno>
#include <future>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include "base/cat.h"

namespace nextid::net {
namespace {

using base::cat;
using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::milliseconds kRetry{100};
constexpr std::chrono::seconds kWarningInterval{1};

Error cannot_listen(const HostPort& address, std::string_view option, const error_code& error) {
  std::string sentence = cat("Can't listen on ", address.to_string(), ": ", error.message(), ".");
  if (error == boost::asio::error::address_in_use) {
    sentence += cat(" Stop the program that has the port, or choose another with ", option, ".");
  }
  return Error(ErrorCode::kUnavailable, sentence);
}

bool out_of_descriptors(const error_code& error) {
  namespace errc = boost::system::errc;
  return error == errc::too_many_files_open || error == errc::too_many_files_open_in_system ||
         error == errc::no_buffer_space || error == errc::not_enough_memory;
}

// Clients that vanished, such as those of a machine that lost its power, are found out within two
// minutes. Sockets inherit it from the one that accepts them (tcp(7)).
void keep_alive(int listening) {
  constexpr std::array<std::array<int, 3>, 4> kOptions{{{SOL_SOCKET, SO_KEEPALIVE, 1},
                                                        {IPPROTO_TCP, TCP_KEEPIDLE, 60},
                                                        {IPPROTO_TCP, TCP_KEEPINTVL, 15},
                                                        {IPPROTO_TCP, TCP_KEEPCNT, 4}}};
  // What can't be set is not worth more than a client that stays.
  for (const auto& [level, name, value] : kOptions) {
    ::setsockopt(listening, level, name, &value, sizeof value);
  }
}

}  // namespace

Listener::Listener(std::vector<IoThread*> threads, Welcome welcome, Log log)
    : threads_(std::move(threads)),
      welcome_(std::move(welcome)),
      log_(std::move(log)),
      acceptor_(threads_.front()->context()),
      retry_timer_(threads_.front()->context()),
      last_warning_(base::monotonic_now() - kWarningInterval) {}

Result<std::shared_ptr<Listener>> Listener::open(const HostPort& address, std::string_view option,
                                                 std::vector<IoThread*> threads, Welcome welcome,
                                                 Log log) {
  const std::shared_ptr<Listener> listener(
      new Listener(std::move(threads), std::move(welcome), std::move(log)));
  error_code error;
  boost::asio::io_context resolving;
  const auto found = tcp::resolver(resolving).resolve(
      address.host, std::to_string(address.port),
      tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error) return cannot_listen(address, option, error);
  for (const auto& entry : found) {
    error = listener->bind(entry.endpoint());
    if (!error) break;
  }
  if (error) return cannot_listen(address, option, error);
  listener->address_ = {address.host, listener->acceptor_.local_endpoint().port()};
  return listener;
}

Result<std::shared_ptr<Listener>> Listener::adopt(int descriptor, std::vector<IoThread*> threads,
                                                  Welcome welcome, Log log) {
  const std::shared_ptr<Listener> listener(
      new Listener(std::move(threads), std::move(welcome), std::move(log)));
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  error_code error;
  if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    error.assign(errno, boost::system::system_category());
  } else {
    listener->acceptor_.assign(address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), descriptor,
                               error);
  }
  if (!error) keep_alive(descriptor);
  tcp::endpoint endpoint;
  if (!error) endpoint = listener->acceptor_.local_endpoint(error);
  if (error) {
    return Error(ErrorCode::kUnavailable,
                 cat("Can't listen on the inherited socket: ", error.message(), "."));
  }
  listener->address_ = {endpoint.address().to_string(), endpoint.port()};
  return listener;
}

error_code Listener::bind(const tcp::endpoint& endpoint) {
  error_code error;
  acceptor_.close(error);
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(Acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(Acceptor::max_listen_connections, error);
  if (!error) keep_alive(acceptor_.native_handle());
  return error;
}

bool Listener::is_loopback() const {
  error_code error;
  const auto endpoint = acceptor_.local_endpoint(error);
  return !error && endpoint.address().is_loopback();
}

void Listener::start() {
  boost::asio::post(acceptor_.get_executor(), [self = shared_from_this()] { self->accept(); });
}

void Listener::close() {
  std::promise<void> closed;
  boost::asio::post(acceptor_.get_executor(), [this, &closed] {
    error_code ignored;
    acceptor_.close(ignored);
    retry_timer_.cancel();
    closed.set_value();
  });
  closed.get_future().wait();
}

void Listener::accept() {
  if (!acceptor_.is_open()) return;
  IoThread& io = *threads_[next_thread_];
  next_thread_ = (next_thread_ + 1) % threads_.size();
  acceptor_.async_accept(io.context(),
                         [self = shared_from_this(), &io](const error_code& error, Socket socket) {
                           self->on_accept(io, error, std::move(socket));
                         });
}

void Listener::on_accept(IoThread& io, const error_code& error, Socket socket) {
  if (error == boost::asio::error::operation_aborted) return;
  if (out_of_descriptors(error)) return wait_for_descriptors(error);
  if (!error) {
    io.expect_connection();
    boost::asio::post(io.context(),
                      [welcome = welcome_, &io, socket = std::move(socket)]() mutable {
                        welcome(io, std::move(socket));
                      });
  }
  accept();  // Other errors concern that client only, such as a reset before it was accepted.
}

void Listener::wait_for_descriptors(const error_code& error) {
  const auto now = base::monotonic_now();
  if (now - last_warning_ >= kWarningInterval) {
    last_warning_ = now;
    log_(LogLevel::kWarning,
         cat("Can't accept clients for now: ", error.message(),
             ". Raise the limit on open files (ulimit -n), or lower --max-connections below it."));
  }
  retry_timer_.expires_after(kRetry);
  retry_timer_.async_wait([self = shared_from_this()](const error_code& failure) {
    if (!failure) self->accept();
  });
}

}  // namespace nextid::net
