// A plain HTTP client for tests: sends any bytes, so those of other protocols, too; reads answers
// with a time limit.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace nextid::testing {

struct HttpAnswer {
  unsigned status = 0;  ///< 0: the connection ended, or nothing came in time.
  std::string head;
  std::string body;

  bool has(std::string_view field) const { return head.find(field) != std::string::npos; }
  /// A member of the JSON body as JSON text; "" where there is none.
  std::string json(std::string_view member) const;
  std::uint64_t number(std::string_view member) const { return std::stoull(json(member)); }
};

/// "GET <target> HTTP/1.1" with a Host.
std::string get(std::string_view target);

/// A request with a JSON body.
std::string with_body(std::string_view method, std::string_view target, std::string_view body);

class HttpClient {
 public:
  explicit HttpClient(std::uint16_t port);

  /// False when the server closed the connection, or took no byte for the limit of ten seconds.
  bool send(std::string_view bytes);
  /// The next answer; interim ones (1xx) too. `with_body` false: the answer to a HEAD.
  HttpAnswer read(bool with_body = true);
  /// The next so many bytes, whatever they are; fewer at the end, or when nothing comes in time.
  std::string read_bytes(std::size_t size);
  /// The next line, with its end; "" when it does not come whole.
  std::string read_line();
  HttpAnswer call(std::string_view bytes) { return send(bytes) ? read() : HttpAnswer{}; }

  /// True when the server ends the connection, after at most ten seconds.
  bool reads_end();
  void half_close();
  /// Closes with a reset, as a crashed client's system would.
  void reset();
  void set_send_limit(std::chrono::milliseconds limit);
  /// Before its buffers grow: makes this a client that can take only a little.
  void shrink_receive_buffer();

 private:
  bool fill();

  boost::asio::io_context context_;
  boost::asio::ip::tcp::socket socket_{context_};
  std::string buffer_;
};

}  // namespace nextid::testing
