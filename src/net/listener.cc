#include "net/listener.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <future>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
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

// All addresses of a name, each once: /etc/hosts may have some twice. At least one, or an error.
std::vector<tcp::endpoint> endpoints_of(const HostPort& address, error_code& error) {
  boost::asio::io_context resolving;
  const auto found = tcp::resolver(resolving).resolve(
      address.host, std::to_string(address.port),
      tcp::resolver::passive | tcp::resolver::numeric_service, error);
  std::vector<tcp::endpoint> endpoints;
  for (const auto& entry : found) {
    const bool known =
        std::find(endpoints.begin(), endpoints.end(), entry.endpoint()) != endpoints.end();
    if (!known) endpoints.push_back(entry.endpoint());
  }
  return endpoints;
}

// As that of ::1 where the machine has no IPv6: another address of the name will do.
bool is_of_no_use_here(const error_code& error) {
  return error == boost::system::errc::address_not_available ||
         error == boost::system::errc::address_family_not_supported ||
         error == boost::system::errc::protocol_not_supported;
}

}  // namespace

Listener::Listener(std::vector<IoThread*> threads, Welcome welcome, Log log)
    : threads_(std::move(threads)),
      welcome_(std::move(welcome)),
      log_(std::move(log)),
      retry_timer_(threads_.front()->context()),
      last_warning_(base::monotonic_now() - kWarningInterval) {}

Result<std::shared_ptr<Listener>> Listener::open(const HostPort& address, std::string_view option,
                                                 std::vector<IoThread*> threads, Welcome welcome,
                                                 Log log) {
  const std::shared_ptr<Listener> listener(
      new Listener(std::move(threads), std::move(welcome), std::move(log)));
  error_code error;
  const auto endpoints = endpoints_of(address, error);
  if (!error) error = listener->bind(endpoints);
  if (error) return cannot_listen(address, option, error);
  listener->address_ = {address.host, listener->acceptors_.front().local_endpoint().port()};
  return listener;
}

// Where the system chose the first one's port, another program may have it on the other addresses.
error_code Listener::bind(const std::vector<tcp::endpoint>& endpoints) {
  constexpr int kAttempts = 10;
  error_code error;
  for (int i = 0; i < kAttempts; ++i) {
    error = bind_once(endpoints);
    if (error != boost::asio::error::address_in_use || endpoints.front().port() != 0) break;
  }
  return error;
}

error_code Listener::bind_once(const std::vector<tcp::endpoint>& endpoints) {
  acceptors_.clear();
  error_code first_failure;
  for (tcp::endpoint endpoint : endpoints) {
    if (!acceptors_.empty()) endpoint.port(acceptors_.front().local_endpoint().port());
    acceptors_.emplace_back(threads_.front()->context());
    const error_code error = bind(acceptors_.back(), endpoint, endpoints.size() > 1);
    if (!error) continue;
    acceptors_.pop_back();
    if (!is_of_no_use_here(error)) return error;
    if (!first_failure) first_failure = error;
  }
  return acceptors_.empty() ? first_failure : error_code();
}

Result<std::shared_ptr<Listener>> Listener::adopt(int descriptor, std::vector<IoThread*> threads,
                                                  Welcome welcome, Log log) {
  const std::shared_ptr<Listener> listener(
      new Listener(std::move(threads), std::move(welcome), std::move(log)));
  Acceptor& acceptor = listener->acceptors_.emplace_back(listener->threads_.front()->context());
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  error_code error;
  if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    error.assign(errno, boost::system::system_category());
  } else {
    acceptor.assign(address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), descriptor, error);
  }
  if (!error) keep_alive(descriptor);
  tcp::endpoint endpoint;
  if (!error) endpoint = acceptor.local_endpoint(error);
  if (error) {
    return Error(ErrorCode::kUnavailable,
                 cat("Can't listen on the inherited socket: ", error.message(), "."));
  }
  listener->address_ = {endpoint.address().to_string(), endpoint.port()};
  return listener;
}

error_code Listener::bind(Acceptor& acceptor, const tcp::endpoint& endpoint, bool one_of_several) {
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(Acceptor::reuse_address(true), error);
  if (!error && one_of_several && endpoint.protocol() == tcp::v6()) {
    acceptor.set_option(boost::asio::ip::v6_only(true), error);
  }
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(Acceptor::max_listen_connections, error);
  if (!error) keep_alive(acceptor.native_handle());
  return error;
}

std::vector<std::string> Listener::endpoints() const {
  std::vector<std::string> texts;
  for (const Acceptor& acceptor : acceptors_) {
    texts.push_back(acceptor.local_endpoint().address().to_string());
  }
  return texts;
}

bool Listener::is_loopback() const {
  return std::all_of(acceptors_.begin(), acceptors_.end(), [](const Acceptor& acceptor) {
    return acceptor.local_endpoint().address().is_loopback();
  });
}

void Listener::start() {
  boost::asio::post(threads_.front()->context(), [self = shared_from_this()] {
    for (Acceptor& acceptor : self->acceptors_) self->accept(acceptor);
  });
}

void Listener::close() {
  std::promise<void> closed;
  boost::asio::post(threads_.front()->context(), [this, &closed] {
    for (Acceptor& acceptor : acceptors_) {
      error_code ignored;
      acceptor.close(ignored);
    }
    retry_timer_.cancel();
    closed.set_value();
  });
  closed.get_future().wait();
}

void Listener::accept(Acceptor& acceptor) {
  if (!acceptor.is_open()) return;
  IoThread& io = *threads_[next_thread_];
  next_thread_ = (next_thread_ + 1) % threads_.size();
  acceptor.async_accept(io.context(), [self = shared_from_this(), &io, &acceptor](
                                          const error_code& error, Socket socket) {
    self->on_accept(acceptor, io, error, std::move(socket));
  });
}

void Listener::on_accept(Acceptor& acceptor, IoThread& io, const error_code& error, Socket socket) {
  if (error == boost::asio::error::operation_aborted) return;
  if (out_of_descriptors(error)) return wait_for_descriptors(acceptor, error);
  if (!error) {
    io.expect_connection();
    boost::asio::post(io.context(),
                      [welcome = welcome_, &io, socket = std::move(socket)]() mutable {
                        welcome(io, std::move(socket));
                      });
  }
  accept(
      acceptor);  // Other errors concern that client only, such as a reset before it was accepted.
}

void Listener::wait_for_descriptors(Acceptor& acceptor, const error_code& error) {
  const auto now = base::monotonic_now();
  if (now - last_warning_ >= kWarningInterval) {
    last_warning_ = now;
    log_(LogLevel::kWarning,
         cat("Can't accept clients for now: ", error.message(),
             ". Raise the limit on open files (ulimit -n), or lower --max-connections below it."));
  }
  waiting_.push_back(&acceptor);
  if (waiting_.size() > 1) return;
  retry_timer_.expires_after(kRetry);
  retry_timer_.async_wait([self = shared_from_this()](const error_code& failure) {
    for (Acceptor* waiting : std::exchange(self->waiting_, {})) {
      if (!failure) self->accept(*waiting);
    }
  });
}

}  // namespace nextid::net
