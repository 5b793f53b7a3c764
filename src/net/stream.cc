#include "net/stream.h"

#include <cerrno>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

namespace nextid::net {
namespace {

using boost::system::error_code;
namespace error = boost::asio::error;

}  // namespace

Stream::Stream(Socket socket) : socket_(std::move(socket)) {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
}

Stream::Stream(Socket socket, const TlsServer& tls) : Stream(std::move(socket)) {
  ssl_ = tls.accept(socket_.native_handle());
  if (ssl_) return;
  // Without memory for TLS the client is dropped: it must not be served without TLS.
  error_code ignored;
  socket_.close(ignored);
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

void Stream::start_tls_read(boost::asio::mutable_buffer buffer, ReadHandler handler) {
  if (SSL_has_pending(ssl_.get()) == 0) {
    return wait_for_tls(Socket::wait_read, buffer, std::move(handler));
  }
  // Bytes that OpenSSL already holds make no socket readable, so the wait would not end.
  boost::asio::post(socket_.get_executor(), [this, buffer, handler = std::move(handler)]() mutable {
    read_tls(buffer, std::move(handler));
  });
}

// The handler stays in the operation, so that it ends with the event loop if that ends first.
void Stream::wait_for_tls(Socket::wait_type wait, boost::asio::mutable_buffer buffer,
                          ReadHandler handler) {
  socket_.async_wait(
      wait, [this, buffer, handler = std::move(handler)](const error_code& failure) mutable {
        if (failure) return handler(failure, 0);
        read_tls(buffer, std::move(handler));
      });
}

// Looks at the first byte, without taking it: OpenSSL would answer text with an alert.
bool Stream::begins_as_text() {
  if (saw_first_byte_) return false;
  char first = 0;
  if (::recv(socket_.native_handle(), &first, 1, MSG_PEEK | MSG_DONTWAIT) != 1) return false;
  saw_first_byte_ = true;
  return (first >= ' ' && first <= '~') || first == '\r' || first == '\n';
}

void Stream::read_tls(boost::asio::mutable_buffer buffer, ReadHandler handler) {
  error_code failure = error::connection_aborted;
  std::size_t size = 0;
  if (!failed_ && socket_.is_open() && begins_as_text()) {
    turned_plain_ = true;
    ssl_.reset();
    return handler(failure, 0);
  }
  if (!failed_ && socket_.is_open()) {
    ERR_clear_error();
    errno = 0;
    const int result = SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &size);
    failure = result == 1 ? error_code() : error_of(result);
  }
  if (failure == error::would_block) {
    const auto wait = SSL_want_write(ssl_.get()) ? Socket::wait_write : Socket::wait_read;
    return wait_for_tls(wait, buffer, std::move(handler));
  }
  handler(failure, size);
}

std::size_t Stream::write_tls(boost::asio::const_buffer bytes, error_code& failure) {
  std::size_t size = 0;
  failure = error::connection_aborted;
  if (failed_) return 0;
  ERR_clear_error();
  errno = 0;
  const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &size);
  failure = result == 1 ? error_code() : error_of(result);
  write_blocked_ = failure == error::would_block;
  write_wants_read_ = write_blocked_ && SSL_want_read(ssl_.get());
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
  error_code ignored;
  return socket_.available(ignored) > 0;
}

bool Stream::in_handshake() const noexcept { return ssl_ && SSL_is_init_finished(ssl_.get()) == 0; }

void Stream::shutdown_send(error_code& failure) {
  say_goodbye();
  socket_.shutdown(Socket::shutdown_send, failure);
}

void Stream::close() {
  say_goodbye();
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace nextid::net
