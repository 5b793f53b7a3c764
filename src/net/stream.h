// The bytes of one client, plain or over TLS: what a connection reads and writes through.
//
// One reader and one writer at a time, all on the socket's I/O thread. With TLS the handshake
// happens within the first reads and writes and never blocks; a client that does not speak TLS is
// an error of the first read. If it sends text, the stream is plain from then on, so that it can be
// told: nothing that it sent may be served. Without TLS, each call is the socket's own.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/system/error_code.hpp>

#include "net/socket.h"
#include "net/tls.h"

namespace nextid::net {

class Stream {
 public:
  /// Plain. Makes the socket non-blocking, without Nagle's delay.
  Stream(Socket socket);
  /// Over TLS: `tls` need not outlive this constructor.
  Stream(Socket socket, const TlsServer& tls);

  /// Reads what is there, at least a byte, into `buffer`, which must stay where it is until
  /// handler(error, size) runs, never from within this call. The client's end is `eof`. The handler
  /// must keep this stream alive.
  template <typename Handler>
  void async_read_some(boost::asio::mutable_buffer buffer, Handler handler) {
    if (!ssl_) return socket_.async_read_some(buffer, std::move(handler));
    start_tls_read(buffer, std::move(handler));
  }

  /// Hands the system as many of the bytes as it takes at once, and returns how many.
  /// `would_block`: try again after async_wait_writable(), with the same bytes, wherever they are
  /// then, and perhaps more behind them.
  std::size_t write_some(boost::asio::const_buffer bytes, boost::system::error_code& error) {
    return ssl_ ? write_tls(bytes, error) : socket_.write_some(bytes, error);
  }

  /// Runs handler(error) when the last write_some() that would have blocked may go on.
  template <typename Handler>
  void async_wait_writable(Handler handler) {
    socket_.async_wait(write_wants_read_ ? Socket::wait_read : Socket::wait_write,
                       std::move(handler));
  }

  /// Whether the client sent something that was not read; with TLS that may be no data.
  bool has_input() const;
  bool is_tls() const noexcept { return ssl_ != nullptr; }
  /// After an error of the first read: this was to be TLS, and the client sends plain text.
  bool turned_plain() const noexcept { return turned_plain_; }
  /// True until a TLS handshake is done.
  bool in_handshake() const noexcept;

  /// Tells the client that nothing more comes. Reading goes on.
  void shutdown_send(boost::system::error_code& error);
  /// Ends both directions; reads and waits that are under way end with an error.
  void close();

 private:
  using ReadHandler = std::function<void(const boost::system::error_code&, std::size_t)>;

  void start_tls_read(boost::asio::mutable_buffer buffer, ReadHandler handler);
  void wait_for_tls(Socket::wait_type wait, boost::asio::mutable_buffer buffer,
                    ReadHandler handler);
  void read_tls(boost::asio::mutable_buffer buffer, ReadHandler handler);
  std::size_t write_tls(boost::asio::const_buffer bytes, boost::system::error_code& error);
  boost::system::error_code error_of(int result);
  bool begins_as_text();
  void say_goodbye();

  Socket socket_;
  SslPointer ssl_;                 // Null: plain.
  bool write_wants_read_ = false;  // The last write waits for the handshake.
  bool write_blocked_ = false;     // OpenSSL holds a part of the bytes that write_tls() was given.
  bool failed_ = false;            // OpenSSL allows nothing more.
  bool saw_first_byte_ = false;    // Of TLS.
  bool turned_plain_ = false;
};

}  // namespace nextid::net
