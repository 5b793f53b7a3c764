// Requests about whose end two servers on one way could be of two minds, so that what one takes for
// a body is another's next request (request smuggling). One row a form, with the only answer to it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nextid::testing {

struct FramingForm {
  std::string bytes;
  /// 0: one request is served, with `body`, and the next one begins after the last of the bytes.
  /// Else the answer's status: nothing that is in the bytes or comes after them is served.
  unsigned refused;
  std::string body;
};

namespace framing {

using namespace std::string_view_literals;

inline constexpr unsigned kServed = 0;

/// Fields of a POST, and what comes after its head.
struct Fields {
  std::string_view fields;
  std::string_view rest;
  unsigned refused;
  std::string_view body = {};
};
inline constexpr Fields kFields[] = {
    // Content-Length: one number, though it may be said twice (RFC 9112, 6.3).
    {"Content-Length: 5\r\n", "hello", kServed, "hello"},
    {"Content-Length: 0\r\n", "", kServed},
    {"Content-Length: 005\r\n", "hello", kServed, "hello"},
    {"Content-Length:5\r\n", "hello", kServed, "hello"},
    {"Content-Length: \t5 \t\r\n", "hello", kServed, "hello"},
    {"CONTENT-LENGTH: 5\r\n", "hello", kServed, "hello"},
    {"Content-Length: +5\r\n", "hello", 400},
    {"Content-Length: -5\r\n", "hello", 400},
    {"Content-Length: 0x5\r\n", "hello", 400},
    {"Content-Length: 5.0\r\n", "hello", 400},
    {"Content-Length: 5e0\r\n", "hello", 400},
    {"Content-Length: 5 5\r\n", "hello", 400},
    {"Content-Length: 5,\r\n", "hello", 400},
    {"Content-Length: 5, 5\r\n", "hello", kServed, "hello"},
    {"Content-Length: 5, 6\r\n", "hello", 400},
    {"Content-Length: 5;q=1\r\n", "hello", 400},
    {"Content-Length: \"5\"\r\n", "hello", 400},
    {"Content-Length:\r\n", "hello", 400},
    {"Content-Length: 18446744073709551615\r\n", "hello", 413},
    {"Content-Length: 18446744073709551616\r\n", "hello", 400},
    {"Content-Length: 18446744073709551621\r\n", "hello", 400},
    {"Content-Length: 5\r\nContent-Length: 6\r\n", "hello", 400},
    {"Content-Length: 5\r\nContent-Length: 5\r\n", "hello", kServed, "hello"},
    {"Content-Length: 5\r\nContent-Length:\r\n", "hello", 400},
    {"Content-Length : 5\r\n", "hello", 400},
    {"Content-Length\t: 5\r\n", "hello", 400},
    {"Content-Length: \r\n 5\r\n", "hello", 400},
    // Both of them.
    {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n", 400},
    {"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n", 400},
    {"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", "0\r\n\r\n", 400},
    {"Transfer-Encoding: identity\r\nContent-Length: 5\r\n", "hello", 400},
    // Transfer-Encoding: one word.
    {"Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n", kServed, "hello"},
    {"transfer-encoding:CHUNKED\r\n", "5\r\nhello\r\n0\r\n\r\n", kServed, "hello"},
    {"Transfer-Encoding: \tchunked \t\r\n", "5\r\nhello\r\n0\r\n\r\n", kServed, "hello"},
    {"Transfer-Encoding: gzip\r\n", "0\r\n\r\n", 400},
    {"Transfer-Encoding: identity\r\n", "", 400},
    {"Transfer-Encoding:\r\n", "0\r\n\r\n", 400},
    {"Transfer-Encoding: xchunked\r\n", "0\r\n\r\n", 400},
    {"Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n", 400},
    {"Transfer-Encoding: \vchunked\r\n", "0\r\n\r\n", 400},
    {"Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n", 400},
    {"Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n", 400},
    {"Transfer-Encoding : chunked\r\n", "0\r\n\r\n", 400},
    {"Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n", 400},
    // Transfer-Encoding: one field, which is that word alone.
    {"Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n", 400},
    {"Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n", 400},
    {"Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n", 400},
    {"Transfer-Encoding: chunked chunked\r\n", "0\r\n\r\n", 400},
    {"Transfer-Encoding: chunked\x80\r\n", "0\r\n\r\n", 400},
    {"Transfer-Encoding: , chunked\r\n", "0\r\n\r\n", 400},
    {"Transfer-Encoding: chunked,\r\n", "0\r\n\r\n", 400},
    {"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n", 400},
    {"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n", 400},
    {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n", 400},
    // Neither of them is hidden in another field, or taken from there.
    {"X: y\nContent-Length: 5\r\n", "hello", 400},
    {"X: y\rContent-Length: 5\r\n", "hello", 400},
    {"X: y\0Content-Length: 5\r\n"sv, "hello", 400},
    {"X\0: y\r\n"sv, "", 400},
    {"X y: z\r\n", "", 400},
    {": y\r\n", "", 400},
    {"no colon\r\n", "", 400},
    {"X\x80: y\r\n", "", 400},
    {"X: y\r\n Content-Length: 5\r\n", "hello", 400},
    {"Content_Length: 5\r\n", "", kServed},
    {"Transfer_Encoding: chunked\r\n", "", kServed},
    {"Connection: Content-Length\r\nContent-Length: 5\r\n", "hello", kServed, "hello"},
    {"Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n", "1\r\na\r\n0\r\n\r\n",
     kServed, "a"},
    {"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nContent-Length: 5\r\n", "hello",
     kServed, "hello"},
    {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n", "", kServed},
    {"Expect: 100-continue\r\nContent-Length: 5\r\n", "hello", kServed, "hello"},
    {"TE: trailers\r\nContent-Length: 5\r\n", "hello", kServed, "hello"},
    {"Host: b\r\n", "", 400},
};

struct ChunkedBody {
  std::string_view chunks;
  unsigned refused;
  std::string_view body = {};
};
inline constexpr ChunkedBody kChunkedBodies[] = {
    {"5\r\nhello\r\n0\r\n\r\n", kServed, "hello"},
    {"3\r\nhel\r\n2\r\nlo\r\n000\r\n\r\n", kServed, "hello"},
    {"00005\r\nhello\r\n0\r\n\r\n", kServed, "hello"},
    {"A\r\n0123456789\r\n0\r\n\r\n", kServed, "0123456789"},
    {"5;a=b\r\nhello\r\n0;c\r\n\r\n", kServed, "hello"},
    {"5;a=\"0\\\"\"\r\nhello\r\n0\r\n\r\n", kServed, "hello"},
    {"5\r\nhello\r\n0\r\nX: y\r\n\r\n", kServed, "hello"},
    {"5\r\nhello\r\n0\r\nContent-Length: 50\r\n\r\n", 400},
    {"5\r\nhello\r\n0\r\nTransfer-Encoding: gzip\r\n\r\n", 400},
    {"+5\r\nhello\r\n0\r\n\r\n", 400},
    {"-5\r\nhello\r\n0\r\n\r\n", 400},
    {"0x5\r\nhello\r\n0\r\n\r\n", 400},
    {" 5\r\nhello\r\n0\r\n\r\n", 400},
    {"5 6\r\nhello\r\n0\r\n\r\n", 400},
    {"5,5\r\nhello\r\n0\r\n\r\n", 400},
    {"g\r\nhello\r\n0\r\n\r\n", 400},
    {"\r\n5\r\nhello\r\n0\r\n\r\n", 400},
    {"5;a=b\nhello\r\n0\r\n\r\n", 400},
    {"5\nhello\r\n0\r\n\r\n", 400},
    {"5\rhello\r\n0\r\n\r\n", 400},
    {"5\r\nhelloxx0\r\n\r\n", 400},
    {"5\r\nhello\n0\r\n\r\n", 400},
    {"3\r\nhello\r\n0\r\n\r\n", 400},
    {"5\r\nhello\r\n0\n\n", 400},
    {"ffffffffffffffff\r\nhello\r\n0\r\n\r\n", 413},
    {"10000000000000005\r\nhello\r\n0\r\n\r\n", 400},
    {"5\r\nhello\r\n0\r\nno colon\r\n\r\n", 400},
    {"5\r\nhello\r\n0\r\nX: y\n\r\n", 400},
    {"5\r\nhello\r\n0\r\n X: y\r\n\r\n", 400},
    // What should be a request is a trailer without a colon.
    {"5\r\nhello\r\n0\r\n", 400},
};

struct Whole {
  std::string_view bytes;
  unsigned refused;
  std::string_view body = {};
};
inline constexpr Whole kWhole[] = {
    // Calls that take no body, with one.
    {"GET /held HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", kServed, "hello"},
    {"GET /held HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
     kServed, "a"},
    {"HEAD /held HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", kServed, "hello"},
    {"OPTIONS * HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", kServed, "hello"},
    {"DELETE /held HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", kServed, "hello"},
    // Lines and versions.
    {"\r\n\r\nPOST /held HTTP/1.1\r\nHost: a\r\n\r\n", kServed},
    {"POST /held HTTP/1.1\nHost: a\n\n", 400},
    {"POST /held HTTP/1.1\r\nHost: a\n\r\n", 400},
    {"POST /held HTTP/1.1\r\nHost: a\r\n\n", 400},
    {"POST /held HTTP/1.1\rHost: a\r\r", 400},
    {"\nPOST /held HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {" POST /held HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"POST\t/held HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"POST  /held HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"POST /held  HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"POST /held HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
    {"POST /he ld HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"POST /he\0ld HTTP/1.1\r\nHost: a\r\n\r\n"sv, 400},
    {"POST /he\x7fld HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"POST /held HTTP/1.1\r\n Host: a\r\n\r\n", 400},
    {"POST /held\r\n\r\n", 400},
    {"POST /held http/1.1\r\nHost: a\r\n\r\n", 400},
    {"POST /held HTTP/0.9\r\nHost: a\r\n\r\n", 400},
    {"POST /held HTTP/1.2\r\nHost: a\r\n\r\n", 400},
    {"POST /held HTTP/2.0\r\nHost: a\r\n\r\n", 400},
    {"POST /held HTTP/1.10\r\nHost: a\r\n\r\n", 400},
    {"POST /held HTTP/01.1\r\nHost: a\r\n\r\n", 400},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
    {"POST /held HTTP/1.1\r\n\r\n", 400},
    {"POST /held HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
     "1\r\na\r\n0\r\n\r\n",
     400},
    {"POST /held HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello", kServed,
     "hello"},
    {"POST /held HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
};

}  // namespace framing

/// All of them. Their number is a part of the table: a test asserts it.
inline std::vector<FramingForm> framing_forms() {
  const auto text = [](std::string_view view) { return std::string(view); };
  const std::string post = "POST /held HTTP/1.1\r\nHost: a\r\n";
  std::vector<FramingForm> forms;
  for (const auto& [fields, rest, refused, body] : framing::kFields) {
    forms.push_back({post + text(fields) + "\r\n" + text(rest), refused, text(body)});
  }
  for (const auto& [chunks, refused, body] : framing::kChunkedBodies) {
    const std::string head = post + "Transfer-Encoding: chunked\r\n\r\n";
    forms.push_back({head + text(chunks), refused, text(body)});
  }
  for (const auto& [bytes, refused, body] : framing::kWhole) {
    forms.push_back({text(bytes), refused, text(body)});
  }
  return forms;
}

}  // namespace nextid::testing
