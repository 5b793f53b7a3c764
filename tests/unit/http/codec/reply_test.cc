// The bytes of each kind of answer.
#include "http/codec/reply.h"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/quoting.h"
#include "base/time_text.h"

namespace nextid::http {
namespace {

constexpr std::string_view kDate = "Sun, 06 Nov 1994 08:49:37 GMT";

std::string reply_text(const Reply& reply, ReplyFrame frame = {}) {
  frame.date = kDate;
  std::string out = "before";
  append_reply(out, reply, frame);
  EXPECT_EQ(out.substr(0, 6), "before");
  return out.substr(6);
}

std::string json_of(const IdRange& range, RangeFormat format) {
  std::string out;
  out += RangeJson(range, format).view();
  return out;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(HttpReply, AnId) {
  std::string out;
  append_range_reply(out, IdRange(42, 1, 1), {}, {.date = kDate});
  EXPECT_EQ(out,
            "HTTP/1.1 200 OK\r\n"
            "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            "Content-Type: application/json\r\n"
            "Content-Length: 9\r\n"
            "Cache-Control: no-store\r\n"
            "\r\n"
            "{\"id\":42}");
}

TEST(HttpReply, TellsBrowsersWhatAnAnswerIsNotFor) {
  const std::string fields =
      "\r\nX-Content-Type-Options: nosniff\r\nCross-Origin-Resource-Policy: same-origin\r\n";
  const std::string tls = fields + "Strict-Transport-Security: max-age=2592000\r\n";
  const auto problem = problem_reply({.status = 404, .code = "not_found", .detail = "None."});
  for (const Reply& reply :
       {status_reply("ok"), options_reply("GET"), problem,
        reply_of(service::Page{.content_type = "text/plain", .text = "a"}, IdFormat::kNumber),
        asset_reply(*web::find_asset("/"), {})}) {
    EXPECT_TRUE(contains(reply_text(reply), fields)) << reply_text(reply);
    EXPECT_FALSE(contains(reply_text(reply), "Strict-Transport"));
    EXPECT_TRUE(contains(reply_text(reply, {.only_tls = true}), tls));
  }
  std::string ids;
  append_range_reply(ids, IdRange(42, 1, 1), {}, {.date = kDate, .of_browser = true});
  EXPECT_TRUE(contains(ids, fields)) << ids;
  append_range_reply(ids, IdRange(42, 1, 1), {},
                     {.date = kDate, .of_browser = true, .only_tls = true});
  EXPECT_TRUE(contains(ids, tls)) << ids;
}

TEST(HttpReply, RangesAsNumbersAndAsText) {
  EXPECT_EQ(json_of(IdRange(43, 10, 1), {.range = true}), R"({"start":43,"end":52,"count":10})");
  EXPECT_EQ(json_of(IdRange(43, 10, 1), {.range = true, .ids = IdFormat::kText}),
            R"({"start":"43","end":"52","count":10})");
  EXPECT_EQ(json_of(IdRange(5, 3, 10), {.range = true}),
            R"({"start":5,"end":25,"count":3,"increment":10})");
  EXPECT_EQ(json_of(IdRange(kMaxId, 1, 1), {.range = false, .ids = IdFormat::kText}),
            R"({"id":"9223372036854775807"})");
}

TEST(HttpReply, TheLongestRangeFits) {
  const std::uint64_t increment = kMaxId - 1;
  EXPECT_EQ(
      json_of(IdRange(1, 2, increment), {.range = true, .ids = IdFormat::kText}),
      R"({"start":"1","end":"9223372036854775807","count":2,"increment":"9223372036854775806"})");
  EXPECT_EQ(json_of(IdRange(1, kMaxId, 1), {.range = true}),
            R"({"start":1,"end":9223372036854775807,"count":9223372036854775807})");
}

TEST(HttpReply, SaysHowTheConnectionGoesOn) {
  const Reply reply{.body = "{}"};
  EXPECT_FALSE(contains(reply_text(reply), "Connection:"));
  EXPECT_TRUE(contains(reply_text(reply, {.close = true}), "\r\nConnection: close\r\n"));
  EXPECT_TRUE(
      contains(reply_text(reply, {.announce_keep_alive = true}), "\r\nConnection: keep-alive\r\n"));
  EXPECT_FALSE(
      contains(reply_text(reply, {.close = true, .announce_keep_alive = true}), "keep-alive"));
}

TEST(HttpReply, RequestIdsAreInTheHeadAndInProblems) {
  const ReplyFrame frame{.request_id = "a\"1"};
  const auto good = reply_text(status_reply("ok"), frame);
  EXPECT_TRUE(contains(good, "\r\nX-Request-Id: a\"1\r\n"));
  EXPECT_TRUE(contains(good, "Content-Length: 15\r\n"));
  EXPECT_TRUE(good.ends_with("\r\n\r\n{\"status\":\"ok\"}"));

  const auto problem = problem_reply({.detail = "Wrong."});
  const auto bad = reply_text(problem, frame);
  const std::string body = bad.substr(bad.find("\r\n\r\n") + 4);
  EXPECT_TRUE(body.ends_with(R"(,"request_id":"a\"1"})")) << body;
  EXPECT_TRUE(contains(bad, "Content-Length: " + std::to_string(body.size()) + "\r\n"));
  EXPECT_FALSE(contains(reply_text(problem), "request_id"));

  std::string out;
  append_range_reply(out, IdRange(42, 1, 1), {}, {.request_id = "7"});
  EXPECT_TRUE(contains(out, "\r\nX-Request-Id: 7\r\n"));
}

TEST(HttpReply, AChallengeIsAField) {
  const auto text = reply_text(problem_reply({.status = 401,
                                              .code = "unauthorized",
                                              .detail = "Who?",
                                              .challenge = "Bearer realm=\"x\""}));
  EXPECT_TRUE(contains(text, "HTTP/1.1 401 Unauthorized\r\n"));
  EXPECT_TRUE(contains(text, "\r\nWWW-Authenticate: Bearer realm=\"x\"\r\n"));
}

TEST(HttpReply, HeadHasAllHeadersAndNoBody) {
  const auto head = reply_text(status_reply("ok"), {.head_only = true});
  const auto whole = reply_text(status_reply("ok"));
  EXPECT_EQ(head + R"({"status":"ok"})", whole);
  EXPECT_TRUE(contains(head, "Content-Length: 15\r\n"));
}

TEST(HttpReply, ProblemsAreRfc9457) {
  const auto text = reply_text(problem_reply({.status = 405,
                                              .code = "method_not_allowed",
                                              .detail = "Not \"that\"\n\xff.",
                                              .allow = "GET, POST"}));
  EXPECT_TRUE(contains(text, "HTTP/1.1 405 Method Not Allowed\r\n"));
  EXPECT_TRUE(contains(text, "Content-Type: application/problem+json\r\n"));
  EXPECT_TRUE(contains(text, "Allow: GET, POST\r\n"));
  EXPECT_TRUE(contains(text, "Cache-Control: no-store\r\n"));
  EXPECT_TRUE(contains(text, R"({"type":"urn:nextid:error:method_not_allowed",)"
                             R"("title":"The method is not for this path","status":405,)"
                             R"("detail":"Not \"that\"\\x0A\\xFF."})"))
      << text;
}

TEST(HttpReply, EveryErrorOfTheLibraryHasAStatus) {
  const std::vector<std::pair<ErrorCode, std::string>> expected{
      {ErrorCode::kInvalid, "400 Bad Request"},
      {ErrorCode::kNotFound, "404 Not Found"},
      {ErrorCode::kConflict, "409 Conflict"},
      {ErrorCode::kExhausted, "409 Conflict"},
      {ErrorCode::kCorrupt, "500 Internal Server Error"},
      {ErrorCode::kOverloaded, "503 Service Unavailable"},
      {ErrorCode::kUnavailable, "503 Service Unavailable"},
      {ErrorCode::kDeadline, "504 Gateway Timeout"},
  };
  for (const auto& [code, status] : expected) {
    const auto text = reply_text(problem_reply(problem_of(Error(code, "It broke."))));
    EXPECT_TRUE(contains(text, "HTTP/1.1 " + status + "\r\n")) << text;
    EXPECT_EQ(contains(text, "Retry-After: 1\r\n"), status.starts_with("503")) << text;
    EXPECT_TRUE(contains(text, "\"urn:nextid:error:" + std::string(to_string(code)) + "\""));
    EXPECT_TRUE(contains(text, "\"detail\":\"It broke.\""));
    EXPECT_FALSE(contains(text, "\"title\":\"" + std::string(to_string(code)) + "\""))
        << "the code has no title of its own";
  }
}

CounterInfo counter(std::string name, std::optional<std::uint64_t> value) {
  CounterInfo info;
  info.name = std::move(name);
  info.value = value;
  return info;
}

TEST(HttpReply, Counters) {
  EXPECT_EQ(reply_of(counter("a", std::nullopt), IdFormat::kNumber).body,
            R"({"name":"a","value":null,"start":1,"increment":1,"max":9223372036854775807,)"
            R"("cache":1,"comment":"","revision":1})");
  EXPECT_EQ(reply_of(counter("a", 7), IdFormat::kText).body,
            R"({"name":"a","value":"7","start":"1","increment":"1",)"
            R"("max":"9223372036854775807","cache":1,"comment":"","revision":1})");
  EXPECT_TRUE(reply_of(counter("a", 7), IdFormat::kNumber).no_store);
}

Preconditions none_match(std::string_view tags) {
  Request request;
  request.if_none_match = {tags, 1};
  Preconditions conditions;
  EXPECT_FALSE(Preconditions::parse(request, conditions));
  return conditions;
}

TEST(HttpReply, CountersByCondition) {
  const auto shown = reply_text(counter_reply(counter("a", 7), IdFormat::kNumber, {}));
  EXPECT_TRUE(contains(shown, "HTTP/1.1 200 OK\r\n")) << shown;
  EXPECT_TRUE(contains(shown, "\r\nETag: \"1\"\r\n")) << shown;
  EXPECT_FALSE(contains(shown, "Content-Security-Policy")) << shown;
  const auto known =
      reply_text(counter_reply(counter("a", 7), IdFormat::kNumber, none_match("W/\"1\"")));
  EXPECT_TRUE(contains(known, "HTTP/1.1 304 Not Modified\r\n")) << known;
  EXPECT_TRUE(contains(known, "\r\nCache-Control: no-store\r\n")) << known;
  EXPECT_TRUE(contains(known, "\r\nETag: \"1\"\r\n")) << known;
  EXPECT_TRUE(known.ends_with("\r\n\r\n")) << known;
  EXPECT_EQ(counter_reply(counter("a", 7), IdFormat::kNumber, none_match("\"2\"")).status, 200U);
  const Error missing(ErrorCode::kNotFound, "None.");
  EXPECT_EQ(counter_reply(missing, IdFormat::kNumber, none_match("*")).status, 404U);
}

TEST(HttpReply, DefinedCounters) {
  const auto made =
      reply_text(reply_of(DefinedCounter{counter("a:b", std::nullopt), true}, IdFormat::kText));
  EXPECT_TRUE(contains(made, "HTTP/1.1 201 Created\r\n")) << made;
  EXPECT_TRUE(contains(made, "\r\nLocation: ./a:b\r\n")) << made;
  EXPECT_TRUE(contains(made, R"("start":"1")")) << made;
  const auto changed =
      reply_text(reply_of(DefinedCounter{counter("a:b", 7), false}, IdFormat::kNumber));
  EXPECT_TRUE(contains(changed, "HTTP/1.1 200 OK\r\n")) << changed;
  EXPECT_FALSE(contains(changed, "Location:")) << changed;
  EXPECT_TRUE(changed.ends_with("\r\n\r\n" + reply_of(counter("a:b", 7), IdFormat::kNumber).body));
}

TEST(HttpReply, Pages) {
  EXPECT_EQ(reply_of(CounterPage{}, IdFormat::kNumber).body, R"({"counters":[],"next":null})");
  CounterPage page;
  page.counters = {counter("a", 1), counter("b", 2)};
  EXPECT_TRUE(reply_of(page, IdFormat::kNumber).body.ends_with(R"(],"next":null})"));
  page.more = true;
  const auto body = reply_of(page, IdFormat::kNumber).body;
  EXPECT_TRUE(body.starts_with(R"({"counters":[{"name":"a","value":1,)")) << body;
  EXPECT_TRUE(body.ends_with(R"(],"next":"b"})")) << body;
}

TEST(HttpReply, Dates) { EXPECT_EQ(base::gmt_text(784111777), kDate); }

TEST(Printable, IsAsciiAndBounded) {
  EXPECT_EQ(base::printable("abc"), "abc");
  EXPECT_EQ(base::printable(std::string("a\0b\x7f\xc3\xa9\t", 7)), "a\\x00b\\x7F\\xC3\\xA9\\x09");
  EXPECT_EQ(base::printable("12345", 5), "12345");
  EXPECT_EQ(base::printable("123456", 5), "12345...");
}

}  // namespace
}  // namespace nextid::http
