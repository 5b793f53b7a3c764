// Requests found in bytes, whole and torn; what each limit lets through and refuses.
#include "http/codec/request_parser.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/ascii.h"
#include "base/quoting.h"

namespace nextid::http {
namespace {

using Status = RequestParser::Status;

struct Seen {
  std::string method;
  std::string target;
  bool http_1_0;
  bool keep_alive;
  std::string body = {};
  std::string content_type = {};  // "2 x": the last of two.
  std::string key = {};

  friend bool operator==(const Seen&, const Seen&) = default;
};

struct Result {
  std::vector<Seen> requests;
  unsigned error_status = 0;  // 0: none.

  friend bool operator==(const Result&, const Result&) = default;
};

void PrintTo(const Result& result, std::ostream* out) {
  for (const auto& seen : result.requests) {
    *out << seen.method << " " << seen.target << (seen.http_1_0 ? " 1.0" : " 1.1")
         << (seen.keep_alive ? " stays '" : " closes '") << base::printable(seen.body, 200) << "' "
         << seen.content_type << " " << seen.key << "; ";
  }
  *out << "error " << result.error_status;
}

std::string field_text(const Field& field) {
  if (field.count == 0) return "";
  return std::to_string(field.count) + " " + std::string(field.value);
}

// What a connection does: keeps what was not consumed, appends, feeds again.
class Feeder {
 public:
  explicit Feeder(Limits limits) : parser_(limits), limits_(limits) {}

  void append(std::string_view bytes) {
    if (result_.error_status != 0) return;
    buffer_.append(bytes);
    while (step()) {
    }
    EXPECT_LE(buffer_.size(), parser_.max_unconsumed_bytes());
  }

  const Result& result() const { return result_; }
  RequestParser& parser() { return parser_; }

 private:
  bool step() {
    const auto outcome = parser_.feed(buffer_);
    if (outcome.status == Status::kRequest) {
      const auto& request = parser_.request();
      result_.requests.push_back({std::string(request.method), std::string(request.target),
                                  request.http_1_0, request.keep_alive, std::string(request.body),
                                  field_text(request.content_type),
                                  field_text(request.idempotency_key)});
    }
    // A fresh allocation each time, so that a view into old bytes is noticed.
    buffer_ =
        std::string(buffer_.begin() + static_cast<std::ptrdiff_t>(outcome.consumed), buffer_.end());
    if (outcome.status == Status::kError) {
      result_.error_status = parser_.problem().status;
      EXPECT_FALSE(parser_.problem().detail.empty());
    }
    return outcome.status == Status::kRequest;
  }

  RequestParser parser_;
  Limits limits_;
  std::string buffer_;
  Result result_;
};

Result feed_whole(std::string_view bytes, Limits limits = {}) {
  Feeder feeder(limits);
  feeder.append(bytes);
  return feeder.result();
}

Result feed_bytewise(std::string_view bytes, Limits limits = {}) {
  Feeder feeder(limits);
  for (const char& byte : bytes) feeder.append({&byte, 1});
  return feeder.result();
}

Result feed_torn_at_random(std::string_view bytes, std::mt19937& random, Limits limits = {}) {
  Feeder feeder(limits);
  while (!bytes.empty()) {
    const auto size = std::uniform_int_distribution<std::size_t>(1, bytes.size())(random);
    feeder.append(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return feeder.result();
}

Seen get(std::string target) { return {"GET", std::move(target), false, true}; }

// --- Requests

TEST(RequestParser, FindsPipelinedRequests) {
  const Result expected{{get("/next"), get("/range?count=3")}};
  EXPECT_EQ(feed_whole("GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
                       "GET /range?count=3 HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n"),
            expected);
}

TEST(RequestParser, KnowsWhoStaysConnected) {
  const auto stays = [](const std::string& head) {
    return feed_whole(head + "\r\n\r\n").requests.at(0).keep_alive;
  };
  EXPECT_TRUE(stays("GET / HTTP/1.1\r\nHost: a"));
  EXPECT_FALSE(stays("GET / HTTP/1.1\r\nHost: a\r\nConnection: close"));
  EXPECT_FALSE(stays("GET / HTTP/1.1\r\nHost: a\r\nConnection: Keep-Alive, Close"));
  EXPECT_FALSE(stays("GET / HTTP/1.0"));
  EXPECT_TRUE(stays("GET / HTTP/1.0\r\nConnection: keep-alive"));
}

TEST(RequestParser, KeepsBodies) {
  const std::string sized = "POST /next HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
  const std::string chunked =
      "POST /next HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nTrailer: 1\r\n\r\n";
  const Result expected{{{"POST", "/next", false, true, "hello"},
                         {"POST", "/next", false, true, "abcdefg"},
                         get("/")}};
  const std::string all = sized + chunked + "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_EQ(feed_whole(all), expected);
  EXPECT_EQ(feed_bytewise(all), expected);
}

TEST(RequestParser, ForgettingLosesNothingOfAnUnfinishedRequest) {
  const std::string half(25'000, 'b');
  Feeder feeder({});
  feeder.append("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n" + half);
  feeder.parser().forget_request();
  feeder.append(half);
  EXPECT_EQ(feeder.result(), (Result{{{"PUT", "/a", false, true, half + half}}}));
}

TEST(RequestParser, FreesALargeBodyWhenAsked) {
  RequestParser parser({});
  const auto size_after_forgetting = [&parser](std::size_t size) {
    const std::string head =
        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n";
    const std::string bytes = head + std::string(size, 'b');
    EXPECT_EQ(parser.feed(bytes).status, Status::kRequest);
    EXPECT_EQ(parser.request().body.size(), size);
    parser.forget_request();
    return parser.request().body.size();
  };
  EXPECT_EQ(size_after_forgetting(50'000), 0U);
  EXPECT_EQ(size_after_forgetting(100), 100U) << "small ones are not worth it";
}

TEST(RequestParser, ShowsTheFieldsThatCallsMind) {
  const std::string bytes =
      "PUT /a HTTP/1.1\r\nHost: a\r\ncontent-type:  text/json \r\nIDEMPOTENCY-key: \"k\"\r\n"
      "Content-Length: 3\r\n\r\nabc"
      "POST /b HTTP/1.1\r\nHost: a\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\n"
      "Content-Type: x/y\r\nContent-Type: x/z\r\n\r\n"
      "POST /c HTTP/1.1\r\nHost: a\r\nIdempotency-Key:\r\nIdempotency-Keys: b\r\n\r\n"
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const Result expected{{{"PUT", "/a", false, true, "abc", "1 text/json", "1 \"k\""},
                         {"POST", "/b", false, true, "", "2 x/y", "2 a"},
                         {"POST", "/c", false, true, "", "", "1 "},
                         get("/")}};
  EXPECT_EQ(feed_whole(bytes), expected);
  EXPECT_EQ(feed_bytewise(bytes), expected);
}

TEST(RequestParser, ShowsTheFieldsThatTellWhoAsks) {
  const std::string head =
      "PUT /a HTTP/1.1\r\nhost: a:1\r\nAUTHORIZATION: Bearer x\r\norigin: http://b\r\n"
      "sec-fetch-site: none\r\nx-request-id: 7\r\nX-Request-Id: 8\r\nIF-None-Match: "
      "*\r\nif-match: \"3\"\r\nContent-Length: 3\r\n\r\n";
  for (const bool torn : {false, true}) {
    RequestParser parser({});
    std::string bytes = head + (torn ? "" : "abc");
    auto outcome = parser.feed(bytes);
    if (torn) {
      ASSERT_EQ(outcome.consumed, head.size());
      bytes = "abc";  // The head's bytes are gone.
      outcome = parser.feed(bytes);
    }
    ASSERT_EQ(outcome.status, RequestParser::Status::kRequest);
    const auto& request = parser.request();
    EXPECT_EQ(field_text(request.host), "1 a:1");
    EXPECT_EQ(field_text(request.authorization), "1 Bearer x");
    EXPECT_EQ(field_text(request.origin), "1 http://b");
    EXPECT_EQ(field_text(request.sec_fetch_site), "1 none");
    EXPECT_EQ(field_text(request.request_id), "2 7");
    EXPECT_EQ(field_text(request.if_match), "1 \"3\"");
    EXPECT_EQ(field_text(request.if_none_match), "1 *");
  }
}

TEST(RequestParser, TrailersAreNoFields) {
  const std::string bytes =
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "1\r\nx\r\n0\r\nIdempotency-Key: k\r\n\r\n";
  const Result expected{{{"POST", "/", false, true, "x"}}};
  EXPECT_EQ(feed_whole(bytes), expected);
  EXPECT_EQ(feed_bytewise(bytes), expected);
}

TEST(RequestParser, SkipsEmptyLinesBetweenRequests) {
  EXPECT_EQ(feed_bytewise("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n"), (Result{{get("/")}}));
}

TEST(RequestParser, TellsOnceThatTheClientWaitsForContinue) {
  Feeder feeder({});
  feeder.append("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n\r\n");
  EXPECT_TRUE(feeder.parser().take_expectation());
  EXPECT_FALSE(feeder.parser().take_expectation());
  EXPECT_TRUE(feeder.parser().in_request());
  feeder.append("x");
  EXPECT_EQ(feeder.result().requests.size(), 1U);
  EXPECT_FALSE(feeder.parser().in_request());

  feeder.append("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nx");
  EXPECT_FALSE(feeder.parser().take_expectation()) << "this client did not wait";
}

// --- Errors

TEST(RequestParser, RefusesWhatIsNoHttp) {
  const std::vector<std::string> garbage{
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  // TLS
      std::string("\0\0\0\0", 4),
      "*1\r\n$4\r\nPING\r\n",  // RESP
      "GET / HTTP/1.1\nHost: a\n\n",
      "\n",
      " GET / HTTP/1.1\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "GET / HTTP/3.0\r\nHost: a\r\n\r\n",
      "GET /\r\n\r\n",
      "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
      "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
      "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: a\r\n b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\tz\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
      "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: , chunked\r\n\r\n0\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked,\r\n\r\n0\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: chunked"
      "\r\n\r\n0\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked"
      "\r\n\r\n0\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity"
      "\r\n\r\n0\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n",
      std::string(33, 'G') + " / HTTP/1.1\r\nHost: a\r\n\r\n",
  };
  for (const auto& bytes : garbage) {
    EXPECT_EQ(feed_whole(bytes), (Result{{}, 400})) << base::printable(bytes, 80);
    EXPECT_EQ(feed_bytewise(bytes), (Result{{}, 400})) << base::printable(bytes, 80);
  }
}

TEST(RequestParser, TakesOneTransferEncodingWhateverItsCase) {
  for (const std::string value : {"chunked", "Chunked", " chunked \t"}) {
    const std::string bytes =
        "GET /next HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:" + value + "\r\n\r\n0\r\n\r\n";
    EXPECT_EQ(feed_whole(bytes), (Result{{get("/next")}, 0})) << value;
  }
}

TEST(RequestParser, KnowsProxiesAndBrowsers) {
  const auto parsed = [](const std::string& field) {
    RequestParser parser{Limits{}};
    const std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n" + field + "\r\n\r\n";
    EXPECT_EQ(parser.feed(bytes).status, RequestParser::Status::kRequest);
    return std::pair(std::string(parser.request().proxy_field), parser.request().of_browser);
  };
  using Told = std::pair<std::string, bool>;
  EXPECT_EQ(parsed("X: y"), Told("", false));
  EXPECT_EQ(parsed("forwarded: for=1.2.3.4"), Told("Forwarded", false));
  EXPECT_EQ(parsed("Via: 1.1 a"), Told("Via", false));
  EXPECT_EQ(parsed("x-real-ip: 1.2.3.4"), Told("X-Real-IP", false));
  EXPECT_EQ(parsed("X-Forwarded-For: 1.2.3.4"), Told("X-Forwarded-*", false));
  EXPECT_EQ(parsed("X-FORWARDED-PREFIX: /ids"), Told("X-Forwarded-*", false));
  EXPECT_EQ(parsed("X-Forwarded: y"), Told("", false));
  EXPECT_EQ(parsed("User-Agent: Mozilla/5.0 (X11)"), Told("", true));
  EXPECT_EQ(parsed("User-Agent: curl/8"), Told("", false));
}

TEST(RequestParser, WantsOneHost) {
  EXPECT_EQ(feed_whole("GET / HTTP/1.1\r\n\r\n"), (Result{{}, 400}));
  EXPECT_EQ(feed_whole("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), (Result{{}, 400}));
  EXPECT_EQ(feed_whole("GET / HTTP/1.0\r\n\r\n").error_status, 0U);
}

TEST(RequestParser, ReportsAnErrorAfterTheRequestsBeforeIt) {
  const std::string bytes = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n\x01garbage";
  EXPECT_EQ(feed_whole(bytes), (Result{{get("/next")}, 400}));
  EXPECT_EQ(feed_bytewise(bytes), (Result{{get("/next")}, 400}));
}

// --- Limits

std::string head_of_size(std::size_t size) {
  const std::string begin = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  return begin + std::string(size - begin.size() - 4, 'x') + "\r\n\r\n";
}

TEST(RequestParser, KeepsTheHeadLimitToTheByte) {
  const Limits limits{.max_head_bytes = 100, .max_body_bytes = 10};
  for (const auto& [size, status] : {std::pair{99U, 0U}, {100U, 0U}, {101U, 431U}}) {
    const Result expected{status == 0 ? std::vector{get("/")} : std::vector<Seen>{}, status};
    EXPECT_EQ(feed_whole(head_of_size(size), limits), expected) << size;
    EXPECT_EQ(feed_bytewise(head_of_size(size), limits), expected) << size;
  }
  const std::string endless = "GET /" + std::string(200, 'x');
  EXPECT_EQ(feed_whole(endless, limits).error_status, 431U);
  EXPECT_EQ(feed_bytewise(endless, limits).error_status, 431U);
}

TEST(RequestParser, CountsManySmallFieldsAsOneHead) {
  std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n";
  while (bytes.size() < 20'000) bytes += "X: y\r\n";
  bytes += "\r\n";
  EXPECT_EQ(feed_whole(bytes), (Result{{}, 431}));
  EXPECT_EQ(feed_bytewise(bytes), (Result{{}, 431}));
}

TEST(RequestParser, KeepsTheBodyLimitToTheByte) {
  const Limits limits{.max_head_bytes = 1000, .max_body_bytes = 20};
  for (const auto& [size, status] : {std::pair{19U, 0U}, {20U, 0U}, {21U, 413U}}) {
    const std::string body(size, 'b');
    const std::string sized =
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" + body;
    const std::string rest = body.substr(15);
    const std::string chunked =
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nf\r\n" +
        body.substr(0, 15) + "\r\n" + std::to_string(rest.size()) + "\r\n" + rest + "\r\n0\r\n\r\n";
    for (const auto& bytes : {sized, chunked}) {
      const auto whole = feed_whole(bytes, limits);
      EXPECT_EQ(whole.error_status, status) << size;
      EXPECT_EQ(feed_bytewise(bytes, limits), whole) << size;
      if (status == 0) {
        EXPECT_EQ(whole.requests.at(0).body, body);
      }
    }
  }
}

TEST(RequestParser, BoundsTheFramingOfChunks) {
  const Limits limits{.max_head_bytes = 200, .max_body_bytes = 1000};
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::vector<std::string> bodies{
      "1;" + std::string(300, 'e') + "\r\na\r\n0\r\n\r\n",
      std::string(300, '0') + "1\r\na\r\n0\r\n\r\n",
      "0\r\nTrailer: " + std::string(300, 't') + "\r\n\r\n",
  };
  for (const auto& body : bodies) {
    EXPECT_EQ(feed_whole(head + body, limits), (Result{{}, 400})) << body;
    EXPECT_EQ(feed_bytewise(head + body, limits), (Result{{}, 400})) << body;
  }
  std::string many;
  for (int i = 0; i < 100; ++i) many += "1\r\na\r\n";
  EXPECT_EQ(feed_whole(head + many + "0\r\n\r\n", limits), (Result{{}, 400}));
  EXPECT_EQ(feed_bytewise(head + many + "0\r\n\r\n", limits), (Result{{}, 400}));
}

TEST(RequestParser, CountsAChunkOnceHoweverOftenItsHeaderIsRead) {
  const Limits limits{.max_head_bytes = 200, .max_body_bytes = 20};
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  // Until the quote ends, the header is not known to be wrong.
  const std::string open = head + "f;a=\"\r\n" + std::string(100, 'b');
  EXPECT_EQ(feed_bytewise(open, limits), (Result{}));
  EXPECT_EQ(feed_bytewise(open, limits), feed_whole(open, limits));
  const std::string closed = open + "\"\r\n";
  EXPECT_EQ(feed_whole(closed, limits), (Result{{}, 400}));
  EXPECT_EQ(feed_bytewise(closed, limits), (Result{{}, 400}));
}

TEST(RequestParser, RefusesAChunkOfAnySizeBeyondTheLimit) {
  const Limits limits{.max_head_bytes = 200, .max_body_bytes = 20};
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string size : {"15", "ffffffffffffffff", "fffffffffffffff0"}) {
    for (const std::string& before : {std::string(), std::string("f\r\nabcdefghijklmno\r\n")}) {
      const std::string bytes = head + before + size + "\r\nabcdefgh";
      EXPECT_EQ(feed_whole(bytes, limits), (Result{{}, 413})) << bytes;
      EXPECT_EQ(feed_bytewise(bytes, limits), (Result{{}, 413})) << bytes;
    }
  }
}

// --- Torn input

TEST(RequestParser, KeepsEveryFieldUntilTheBodyHasCome) {
  std::string head = "PUT /x HTTP/1.1\r\nContent-Length: 2\r\n";
  for (const HttpFieldName& known : kHttpFields) {
    head += base::to_upper(known.name) + ": of-" + std::string(known.name) + "\r\n";
  }
  head += "\r\n";
  RequestParser parser{Limits()};
  EXPECT_EQ(parser.feed(head).status, Status::kNeedMore);
  std::fill(head.begin(), head.end(), 'x');  // A connection reuses its buffer.
  EXPECT_EQ(parser.feed("{}").status, Status::kRequest);
  EXPECT_EQ(parser.request().method, "PUT");
  EXPECT_EQ(parser.request().target, "/x");
  for (const HttpFieldName& known : kHttpFields) {
    EXPECT_EQ((parser.request().*known.field).value, "of-" + std::string(known.name));
    EXPECT_EQ((parser.request().*known.field).count, 1U);
  }
}

std::string random_message(std::mt19937& random) {
  const auto pick = [&](int n) { return std::uniform_int_distribution<int>(0, n - 1)(random); };
  const std::string host = pick(20) == 0 ? "" : "Host: a\r\n";
  switch (pick(10)) {
    case 0:
      return "POST /range?count=2 HTTP/1.1\r\n" + host + "Content-Length: 30\r\n\r\n" +
             std::string(30, 'b');
    case 1:
      return "POST /x HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n" +
             "a\r\n0123456789\r\n1;e=f\r\nx\r\n0\r\nT: u\r\n\r\n";
    case 2:
      return "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    case 3:
      return head_of_size(static_cast<std::size_t>(40 + pick(80)));
    case 4:
      return "\r\n";
    case 5:
      return "PUT /c HTTP/1.1\r\n" + host + "Content-Type: a/b\r\nIdempotency-Key: \"k\"\r\n" +
             "Content-Length: 7\r\n\r\n{\"a\":1}";
    case 6:
      return "POST /d HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n" +
             "Idempotency-Key: " + std::string(static_cast<std::size_t>(pick(9)), 'k') +
             "\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    case 7:
      return pick(10) == 0 ? "garbage\r\n\r\n" : "POST / HTTP/1.1\r\n" + host + "\r\n";
    default:
      return "GET /next?counter=a HTTP/1.1\r\n" + host + "Accept: */*\r\n\r\n";
  }
}

TEST(RequestParser, TearingChangesNothing) {
  const Limits limits{.max_head_bytes = 110, .max_body_bytes = 25};
  for (unsigned seed = 1; seed <= 300; ++seed) {
    std::mt19937 random(seed);
    std::string bytes;
    for (int i = 0; i < 6; ++i) bytes += random_message(random);
    // One byte in three runs is damaged.
    if (seed % 3 == 0) {
      const auto at = std::uniform_int_distribution<std::size_t>(0, bytes.size() - 1)(random);
      bytes[at] = static_cast<char>(std::uniform_int_distribution<int>(0, 255)(random));
    }
    const auto whole = feed_whole(bytes, limits);
    EXPECT_EQ(feed_bytewise(bytes, limits), whole) << "seed " << seed;
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(feed_torn_at_random(bytes, random, limits), whole) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace nextid::http
