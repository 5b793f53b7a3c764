#include "net/listener.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <future>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/cat.h"

namespace nextid::net {
namespace {

using base::cat;
using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::milliseconds kRetry{100};
constexpr std::chrono::seconds kWarningInterval{1};
// Of one turn, so that clients that come do not keep those that are here waiting.
constexpr int kMostAccepts = 64;

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

bool is_spare(int descriptor) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  const rlim_t spare = std::min<rlim_t>(Listener::kSpareDescriptors, limit.rlim_cur / 2);
  return static_cast<rlim_t>(descriptor) >= limit.rlim_cur - spare;
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

error_code last_error() { return {errno, boost::system::system_category()}; }

// A socket that listens there. For one of several addresses: on that family alone.
Socket listening(const tcp::endpoint& endpoint, bool one_of_several, error_code& error) {
  const bool is_v6 = endpoint.protocol() == tcp::v6();
  Socket socket(::socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto set = [&](int level, int name) {
    const int on = 1;
    return ::setsockopt(socket.descriptor(), level, name, &on, sizeof on) == 0;
  };
  const bool listens =
      socket.is_open() && set(SOL_SOCKET, SO_REUSEADDR) &&
      (!one_of_several || !is_v6 || set(IPPROTO_IPV6, IPV6_V6ONLY)) &&
      ::bind(socket.descriptor(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) == 0 &&
      ::listen(socket.descriptor(), SOMAXCONN) == 0;
  if (!listens) error = last_error();
  return socket;
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
  listener->address_ = {address.host, listener->acceptors_.front().endpoint().port()};
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
    if (!acceptors_.empty()) endpoint.port(acceptors_.front().endpoint().port());
    error_code error;
    Socket socket = listening(endpoint, endpoints.size() > 1, error);
    if (!error) error = add(std::move(socket));
    if (!error) continue;
    if (!is_of_no_use_here(error)) return error;
    if (!first_failure) first_failure = error;
  }
  return acceptors_.empty() ? first_failure : error_code();
}

Result<std::shared_ptr<Listener>> Listener::adopt(int descriptor, std::vector<IoThread*> threads,
                                                  Welcome welcome, Log log) {
  const std::shared_ptr<Listener> listener(
      new Listener(std::move(threads), std::move(welcome), std::move(log)));
  if (const error_code error = listener->add(Socket(descriptor))) {
    return Error(ErrorCode::kUnavailable,
                 cat("Can't listen on the inherited socket: ", error.message(), "."));
  }
  const tcp::endpoint& endpoint = listener->acceptors_.front().endpoint();
  listener->address_ = {endpoint.address().to_string(), endpoint.port()};
  return listener;
}

error_code Listener::add(Socket listening) {
  const int flags = ::fcntl(listening.descriptor(), F_GETFL);
  if (flags < 0 || ::fcntl(listening.descriptor(), F_SETFL, flags | O_NONBLOCK) != 0) {
    return last_error();
  }
  keep_alive(listening.descriptor());
  tcp::endpoint endpoint;
  auto size = static_cast<socklen_t>(endpoint.capacity());
  if (::getsockname(listening.descriptor(), endpoint.data(), &size) != 0) return last_error();
  endpoint.resize(size);
  acceptors_.emplace_back(*this, std::move(listening), std::move(endpoint));
  return {};
}

std::vector<std::string> Listener::endpoints() const {
  std::vector<std::string> texts;
  for (const Acceptor& acceptor : acceptors_) {
    texts.push_back(acceptor.endpoint().address().to_string());
  }
  return texts;
}

bool Listener::is_loopback() const {
  return std::all_of(acceptors_.begin(), acceptors_.end(), [](const Acceptor& acceptor) {
    return acceptor.endpoint().address().is_loopback();
  });
}

void Listener::start() {
  threads_.front()->post([self = shared_from_this()] {
    for (Acceptor& acceptor : self->acceptors_) acceptor.start();
  });
}

void Listener::close() {
  std::promise<void> closed;
  threads_.front()->post([this, &closed] {
    for (Acceptor& acceptor : acceptors_) acceptor.close();
    closed.set_value();
  });
  closed.get_future().wait();
}

void Listener::Acceptor::start() {
  if (!socket_.is_open()) return;
  if (!watched_) {
    const error_code error = listener_.reactor().add(socket_.descriptor(), *this);
    if (error) return listener_.wait_for_descriptors(*this, error);
    watched_ = true;
  }
  accept();
}

void Listener::Acceptor::close() {
  listener_.reactor().remove(*this);
  waiting_client_.close();
  socket_.close();
}

// True where no client has a spare descriptor.
bool Listener::Acceptor::move_from_spare() {
  if (!waiting_client_.is_open()) return true;
  Socket moved(::fcntl(waiting_client_.descriptor(), F_DUPFD_CLOEXEC, 0));
  if (!moved.is_open() || is_spare(moved.descriptor())) return false;
  waiting_client_.close();
  listener_.welcome(std::move(moved));
  return true;
}

// Descriptors are given out from the lowest on: one that is spare means that the others are taken.
void Listener::Acceptor::accept() {
  const error_code too_many(EMFILE, boost::system::system_category());
  if (!move_from_spare()) return listener_.wait_for_descriptors(*this, too_many);
  for (int i = 0; i < kMostAccepts; ++i) {
    Socket client(::accept4(socket_.descriptor(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (client.is_open() && is_spare(client.descriptor())) {
      waiting_client_ = std::move(client);
      return listener_.wait_for_descriptors(*this, too_many);
    }
    if (client.is_open()) {
      listener_.welcome(std::move(client));
      continue;
    }
    const error_code error = last_error();
    if (error == boost::asio::error::would_block) return;
    if (out_of_descriptors(error)) return listener_.wait_for_descriptors(*this, error);
    // Other errors concern that client only, such as a reset before it was accepted.
  }
  listener_.reactor().call_again(*this);
}

void Listener::welcome(Socket client) {
  IoThread& io = *threads_[next_thread_];
  next_thread_ = (next_thread_ + 1) % threads_.size();
  io.expect_connection();
  // A task must be copyable, which a socket is not.
  io.post([welcome = welcome_, &io, socket = std::make_shared<Socket>(std::move(client))] {
    welcome(io, std::move(*socket));
  });
}

void Listener::wait_for_descriptors(Acceptor& acceptor, const error_code& error) {
  const auto now = base::monotonic_now();
  if (now - last_warning_ >= kWarningInterval) {
    last_warning_ = now;
    log_(LogLevel::kWarning,
         cat("Can't accept clients for now: ", error.message(),
             ". Raise the limit on open files (ulimit -n), or lower --max-connections below it."));
  }
  if (std::find(waiting_.begin(), waiting_.end(), &acceptor) != waiting_.end()) return;
  waiting_.push_back(&acceptor);
  if (waiting_.size() > 1) return;
  reactor().run_after(kRetry, [self = shared_from_this()] {
    for (Acceptor* waiting : std::exchange(self->waiting_, {})) waiting->start();
  });
}

}  // namespace nextid::net
