#include "net/stream.h"

#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <utility>

#include <boost/asio/error.hpp>

#include "base/check.h"
#include "net/first_byte.h"

namespace nextid::net {
namespace {

using boost::system::error_code;
namespace error = boost::asio::error;

error_code last_error() { return {errno, boost::system::system_category()}; }

}  // namespace

Stream::Stream(Socket socket) : socket_(std::move(socket)) {
  const int on = 1;
  ::setsockopt(descriptor(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Stream::Stream(Socket socket, const TlsServer& tls) : Stream(std::move(socket)) {
  tls_ = &tls;
  authority_ = tls.authority();  // Before the context, so that it is no newer than that.
  ssl_ = tls.accept(descriptor());
  // Without memory for TLS the client is dropped: it must not be served without TLS.
  if (!ssl_) socket_.close();
}

void Stream::note(Readiness ready) noexcept {
  readable_ = readable_ || ready.readable;
  writable_ = writable_ || ready.writable;
  ended_ = ended_ || ready.ended;
}

bool Stream::may_read() const noexcept {
  // Bytes that OpenSSL already holds make no socket readable. After it blocked they are a part of a
  // record, with which it can do nothing.
  if (ssl_ && !read_blocked_ && SSL_has_pending(ssl_.get()) != 0) return true;
  return read_wants_write_ ? writable_ : readable_;
}

std::size_t Stream::read_some(boost::asio::mutable_buffer buffer, error_code& failure) {
  NEXTID_CHECK(buffer.size() > 0);
  return ssl_ ? read_tls(buffer, failure) : read_plain(buffer, failure);
}

std::size_t Stream::write_some(boost::asio::const_buffer bytes, error_code& failure) {
  return ssl_ ? write_tls(bytes, failure) : write_plain(bytes, failure);
}

// --- Plain

std::size_t Stream::read_plain(boost::asio::mutable_buffer buffer, error_code& failure) {
  const ssize_t size = ::recv(descriptor(), buffer.data(), buffer.size(), 0);
  failure = size < 0 ? last_error() : size == 0 ? error::eof : error_code();
  if (failure == error::would_block) readable_ = false;
  if (failure) return 0;
  // The socket is empty (epoll(7), question 9): what comes later is told.
  if (static_cast<std::size_t>(size) < buffer.size() && !ended_) readable_ = false;
  return static_cast<std::size_t>(size);
}

std::size_t Stream::write_plain(boost::asio::const_buffer bytes, error_code& failure) {
  const ssize_t size = ::send(descriptor(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  failure = size < 0 ? last_error() : error_code();
  if (failure == error::would_block) writable_ = false;
  return size < 0 ? 0 : static_cast<std::size_t>(size);
}

// --- TLS

// What the failure of the last call means: would_block, eof, or the end of the connection.
error_code Stream::error_of(int result) {
  const int saved_errno = errno;
  const int reason = SSL_get_error(ssl_.get(), result);
  switch (reason) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return error::would_block;
    case SSL_ERROR_ZERO_RETURN:
      return error::eof;
    case SSL_ERROR_SYSCALL:
      failed_ = true;
      if (saved_errno != 0) return {saved_errno, boost::system::system_category()};
      return error::connection_reset;
    default:
      failed_ = true;
      ERR_clear_error();
      return error::connection_aborted;
  }
}

// Looks at the first byte, without taking it: OpenSSL would answer text with an alert.
bool Stream::begins_as_text() {
  if (saw_first_byte_) return false;
  char first = 0;
  if (::recv(descriptor(), &first, 1, MSG_PEEK | MSG_DONTWAIT) != 1) return false;
  saw_first_byte_ = true;
  return kind_of_first_byte(first) == FirstByte::kText;
}

std::size_t Stream::read_tls(boost::asio::mutable_buffer buffer, error_code& failure) {
  std::size_t size = 0;
  failure = error::connection_aborted;
  if (failed_ || !socket_.is_open() || is_revoked()) return 0;
  if (begins_as_text()) {
    turned_plain_ = true;
    ssl_.reset();
    return 0;
  }
  ERR_clear_error();
  errno = 0;
  const int result = SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &size);
  failure = result == 1 ? error_code() : error_of(result);
  read_blocked_ = failure == error::would_block;
  read_wants_write_ = read_blocked_ && SSL_want_write(ssl_.get());
  if (read_blocked_) (read_wants_write_ ? writable_ : readable_) = false;
  return result == 1 ? size : 0;
}

std::size_t Stream::write_tls(boost::asio::const_buffer bytes, error_code& failure) {
  std::size_t size = 0;
  failure = error::connection_aborted;
  if (failed_) return 0;
  ERR_clear_error();
  errno = 0;
  read_blocked_ = false;  // In a handshake a write reads, too.
  const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &size);
  failure = result == 1 ? error_code() : error_of(result);
  write_blocked_ = failure == error::would_block;
  write_wants_read_ = write_blocked_ && SSL_want_read(ssl_.get());
  if (write_blocked_) (write_wants_read_ ? readable_ : writable_) = false;
  return result == 1 ? size : 0;
}

// Sends the alert that the stream ends here by intent, if the system takes it at once: a client
// that does not read gets none.
void Stream::say_goodbye() {
  if (!ssl_ || failed_ || write_blocked_ || !SSL_is_init_finished(ssl_.get())) return;
  if ((SSL_get_shutdown(ssl_.get()) & SSL_SENT_SHUTDOWN) != 0) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

// --- Both

bool Stream::has_input() const {
  if (ssl_ && SSL_has_pending(ssl_.get()) != 0) return true;
  int size = 0;
  return ::ioctl(descriptor(), FIONREAD, &size) == 0 && size > 0;
}

bool Stream::in_handshake() const noexcept { return ssl_ && SSL_is_init_finished(ssl_.get()) == 0; }

void Stream::shutdown_send(error_code& failure) {
  say_goodbye();
  failure = ::shutdown(descriptor(), SHUT_WR) == 0 ? error_code() : last_error();
}

void Stream::close() {
  say_goodbye();
  socket_.close();
}

}  // namespace nextid::net
