// The bytes of one client, plain or over TLS: what a connection reads and writes through.
//
// Never blocks. One reader and one writer, both on the socket's I/O thread. With TLS the handshake
// happens within the first reads and writes; a client that does not speak TLS is an error of the
// first read. If it sends text, the stream is plain from then on, so that it can be told: nothing
// that it sent may be served.
#pragma once

#include <cstddef>
#include <cstdint>

#include <boost/asio/buffer.hpp>
#include <boost/system/error_code.hpp>

#include "net/reactor.h"
#include "net/socket.h"
#include "net/tls.h"

namespace nextid::net {

class Stream {
 public:
  /// Plain. The socket is non-blocking; it loses Nagle's delay.
  explicit Stream(Socket socket);
  /// Over TLS: `tls` must outlive the stream.
  Stream(Socket socket, const TlsServer& tls);

  /// For Reactor::add(); -1 once closed.
  int descriptor() const noexcept { return socket_.descriptor(); }
  /// What the reactor told of the descriptor.
  void note(Readiness ready) noexcept;

  /// False while a read could only say `would_block`: there is something to read, or the end, once
  /// the reactor has told of more.
  bool may_read() const noexcept;
  /// Reads what is there into `buffer`, which has room for a byte at least, and returns the size.
  /// The client's end is `eof`.
  std::size_t read_some(boost::asio::mutable_buffer buffer, boost::system::error_code& error);

  /// False from a `would_block` of write_some() until the reactor has told of what it waits for.
  bool may_write() const noexcept { return write_wants_read_ ? readable_ : writable_; }
  /// Hands the system as many of the bytes as it takes at once, and returns how many.
  /// `would_block`: try again once may_write(), with the same bytes, wherever they are then, and
  /// perhaps more behind them.
  std::size_t write_some(boost::asio::const_buffer bytes, boost::system::error_code& error);

  /// Whether the client sent something that was not read; with TLS that may be no data.
  bool has_input() const;
  bool is_tls() const noexcept { return ssl_ != nullptr; }
  /// About what it takes of memory; of OpenSSL's part, as measured with OpenSSL 3.0.
  std::size_t held_bytes() const noexcept { return is_tls() ? kTlsBytes : 0; }
  /// Whether the authority that this client's certificate is of may be gone: it is to be served no
  /// more. Its next read fails, too.
  bool is_revoked() const noexcept { return tls_ != nullptr && tls_->authority() != authority_; }
  /// After an error of the first read: this was to be TLS, and the client sends plain text.
  bool turned_plain() const noexcept { return turned_plain_; }
  /// True until a TLS handshake is done.
  bool in_handshake() const noexcept;

  /// Tells the client that nothing more comes. Reading goes on.
  void shutdown_send(boost::system::error_code& error);
  /// Ends both directions.
  void close();

 private:
  static constexpr std::size_t kTlsBytes = 16 * 1024;

  std::size_t read_plain(boost::asio::mutable_buffer buffer, boost::system::error_code& error);
  std::size_t write_plain(boost::asio::const_buffer bytes, boost::system::error_code& error);
  std::size_t read_tls(boost::asio::mutable_buffer buffer, boost::system::error_code& error);
  std::size_t write_tls(boost::asio::const_buffer bytes, boost::system::error_code& error);
  boost::system::error_code error_of(int result);
  bool begins_as_text();
  void say_goodbye();

  Socket socket_;
  const TlsServer* tls_ = nullptr;  // Null: plain.
  std::uint64_t authority_ = 0;     // Of tls_, when this began.
  SslPointer ssl_;                  // Null: plain.
  // What the socket is ready for, as far as is known.
  bool readable_ = false;
  bool writable_ = true;
  bool ended_ = false;             // Reads meet an end or an error after what is there.
  bool read_blocked_ = false;      // The last read, with nothing written since; of TLS.
  bool read_wants_write_ = false;  // The last read waits for the handshake.
  bool write_wants_read_ = false;  // The last write does.
  bool write_blocked_ = false;     // OpenSSL holds a part of the bytes that write_tls() was given.
  bool failed_ = false;            // OpenSSL allows nothing more.
  bool saw_first_byte_ = false;    // Of TLS.
  bool turned_plain_ = false;
};

}  // namespace nextid::net
