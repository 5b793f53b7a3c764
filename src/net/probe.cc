#include "net/probe.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <openssl/ssl.h>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/cat.h"
#include "net/socket.h"
#include "net/tls.h"

namespace nextid::net {
namespace {

using base::cat;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxAnswer = 64 * 1024;

Error no_answer(const HostPort& address, std::string_view why) {
  return Error(ErrorCode::kUnavailable,
               cat("no answer from ", address.to_string(), ": ", why, "."));
}

/// A connection whose reads and writes end at the deadline.
class Line {
 public:
  Line(const HostPort& address, Clock::time_point deadline)
      : address_(address), deadline_(deadline) {}

  Result<void> open();
  Result<void> begin_tls();
  Result<void> send(std::string_view text);
  /// All that comes before the other end closes, up to kMaxAnswer.
  Result<std::string> receive();

 private:
  /// False once the deadline is over.
  bool limit_next_call() const;
  Error failure() const;

  HostPort address_;
  Clock::time_point deadline_;
  Socket socket_;
  std::unique_ptr<SSL_CTX, FreeSsl> context_;
  SslPointer ssl_;
};

bool Line::limit_next_call() const {
  const auto left =
      std::chrono::duration_cast<std::chrono::microseconds>(deadline_ - Clock::now()).count();
  if (left <= 0) return false;
  const timeval limit{.tv_sec = left / 1'000'000, .tv_usec = left % 1'000'000};
  ::setsockopt(socket_.descriptor(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket_.descriptor(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  return true;
}

Error Line::failure() const {
  const int reason = errno;
  if (Clock::now() >= deadline_) return no_answer(address_, "it took too long");
  return no_answer(address_, reason == 0 ? "the connection was closed" : std::strerror(reason));
}

Result<void> Line::open() {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error =
      ::getaddrinfo(address_.host.c_str(), std::to_string(address_.port).c_str(), &wanted, &found);
  if (error != 0) return no_answer(address_, ::gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
  errno = 0;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    socket_ = Socket(::socket(entry->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket_.is_open() || !limit_next_call()) continue;
    if (::connect(socket_.descriptor(), entry->ai_addr, entry->ai_addrlen) == 0) return {};
  }
  return failure();
}

Result<void> Line::begin_tls() {
  context_.reset(SSL_CTX_new(TLS_client_method()));
  if (context_) ssl_.reset(SSL_new(context_.get()));
  if (!ssl_ || SSL_set_fd(ssl_.get(), socket_.descriptor()) != 1 || !limit_next_call()) {
    return no_answer(address_, "TLS could not begin");
  }
  if (SSL_connect(ssl_.get()) == 1) return {};
  return no_answer(address_,
                   Clock::now() >= deadline_ ? "it took too long" : "the handshake of TLS failed");
}

Result<void> Line::send(std::string_view text) {
  while (!text.empty()) {
    if (!limit_next_call()) return failure();
    errno = 0;
    const auto sent = ssl_ ? SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()))
                           : static_cast<int>(::send(socket_.descriptor(), text.data(), text.size(),
                                                     MSG_NOSIGNAL));
    if (sent <= 0) return failure();
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

Result<std::string> Line::receive() {
  std::string text;
  std::array<char, 4096> buffer{};
  while (text.size() < kMaxAnswer) {
    if (!limit_next_call()) return failure();
    errno = 0;
    const auto size =
        ssl_ ? SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()))
             : static_cast<int>(::recv(socket_.descriptor(), buffer.data(), buffer.size(), 0));
    const bool has_ended = size == 0 || (ssl_ && size < 0 && errno == 0);
    if (has_ended && !text.empty()) return text;
    if (size <= 0) return failure();
    text.append(buffer.data(), static_cast<std::size_t>(size));
  }
  return text;
}

/// None for what is no answer of HTTP.
Result<ProbeAnswer> parse(const HostPort& address, const std::string& text) {
  constexpr std::string_view kBeginning = "HTTP/1.1 ";
  ProbeAnswer answer;
  const char* const digits = text.data() + std::min(text.size(), kBeginning.size());
  const auto parsed = std::from_chars(digits, text.data() + text.size(), answer.status);
  if (!text.starts_with(kBeginning) || parsed.ec != std::errc{}) {
    return no_answer(address, "what listens there does not speak HTTP");
  }
  const auto head_end = text.find("\r\n\r\n");
  if (head_end != std::string::npos) answer.body = text.substr(head_end + 4);
  return answer;
}

}  // namespace

Result<ProbeAnswer> ask(const Probe& probe) {
  Line line(probe.address, Clock::now() + probe.limit);
  if (const auto opened = line.open(); !opened) return opened.error();
  if (probe.tls) {
    if (const auto begun = line.begin_tls(); !begun) return begun.error();
    if (probe.handshake_only) return ProbeAnswer{.status = 200, .body = ""};
  }
  const auto sent = line.send(
      cat("GET ", probe.path, " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
  if (!sent) return sent.error();
  const auto text = line.receive();
  if (!text) return text.error();
  return parse(probe.address, *text);
}

}  // namespace nextid::net
