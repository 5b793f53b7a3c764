// Definitions, advances and idempotent requests, as clients of a running server see them.
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/server/server_fixture.h"

namespace nextid::testing {
namespace {

std::string put(std::string_view target, std::string_view body) {
  return with_body("PUT", target, body);
}

std::string post_advance(std::string_view counter, std::string_view to) {
  return with_body("POST", "/v1/counters/" + std::string(counter) + "/advance",
                   "{\"to\":" + std::string(to) + "}");
}

std::string keyed(std::string_view target, std::string_view key) {
  return "GET " + std::string(target) +
         " HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: " + std::string(key) + "\r\n\r\n";
}

// --- Definitions

TEST_F(ServerTest, DefinesCounters) {
  start();
  auto client = connect();
  const auto made = client.call(put("/v1/counters/a", R"({"start":3,"increment":10,"max":"30"})"));
  EXPECT_EQ(made.status, 201U);
  EXPECT_TRUE(made.has("\r\nLocation: ./a\r\n"));
  EXPECT_EQ(made.body, R"({"name":"a","value":null,"start":3,"increment":10,"max":30,"cache":1,)"
                       R"("comment":"","revision":1})");
  EXPECT_EQ(client.call(get("/next?counter=a")).body, R"({"id":3})");
  EXPECT_EQ(client.call(get("/range?counter=a&count=2")).body,
            R"({"start":13,"end":23,"count":2,"increment":10})");
  EXPECT_EQ(client.call(get("/next?counter=a")).json("type"), R"("urn:nextid:error:exhausted")");

  const auto changed = client.call(put("/v1/counters/a?as=string", R"({"max":100})"));
  EXPECT_EQ(changed.status, 200U);
  EXPECT_FALSE(changed.has("Location:"));
  EXPECT_EQ(changed.json("max"), R"("100")");
  EXPECT_EQ(changed.json("start"), R"("3")");
  EXPECT_EQ(changed.json("revision"), "2");
  EXPECT_EQ(client.call(get("/next?counter=a")).body, R"({"id":33})");

  const auto conflict = client.call(put("/v1/counters/a", R"({"start":4})"));
  EXPECT_EQ(conflict.status, 409U);
  EXPECT_EQ(conflict.json("type"), R"("urn:nextid:error:conflict")");
}

TEST_F(ServerTest, AdvancesCounters) {
  start();
  auto client = connect();
  EXPECT_EQ(client.call(get("/next")).body, R"({"id":1})");
  EXPECT_EQ(client.call(post_advance("global", "100")).json("value"), "100");
  EXPECT_EQ(client.call(post_advance("global", "50")).json("value"), "100");
  EXPECT_EQ(client.call(get("/next")).body, R"({"id":101})");
  const auto accounting = stop();
  EXPECT_EQ(accounting.returned, 2U);
  EXPECT_EQ(accounting.burned_by(BurnReason::kAdvance), 99U);
  EXPECT_EQ(stored_value(), 101U);
}

TEST_F(ServerTest, PipelinedChangesTakePlaceInTheirTurn) {
  start();
  auto client = connect();
  std::string bytes;
  for (int i = 0; i < 20; ++i) {
    const std::string name = "c" + std::to_string(i);
    bytes += put("/v1/counters/" + name, R"({"start":5,"max":6})") + get("/next?counter=" + name) +
             get("/next?counter=" + name) + put("/v1/counters/" + name, R"({"max":2000})") +
             get("/next?counter=" + name) + post_advance(name, "1000") +
             get("/next?counter=" + name) + get("/v1/counters/" + name);
  }
  client.send(bytes);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(client.read().status, 201U);
    EXPECT_EQ(client.read().body, R"({"id":5})");
    EXPECT_EQ(client.read().body, R"({"id":6})");
    EXPECT_EQ(client.read().json("max"), "2000");
    EXPECT_EQ(client.read().body, R"({"id":7})");
    EXPECT_EQ(client.read().json("value"), "1000");
    EXPECT_EQ(client.read().body, R"({"id":1001})");
    EXPECT_EQ(client.read().json("value"), "1001");
    if (HasFailure()) break;
  }
}

TEST_F(ServerTest, TakesBodiesByteByByteAndInChunks) {
  start();
  auto client = connect();
  const std::string bytes =
      put("/v1/counters/a", R"({"start":7})") +
      "PUT /v1/counters/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
      "Content-Type: application/json\r\n\r\n3\r\n{\"c\r\n10\r\nomment\":\"hello\"}\r\n0\r\n\r\n" +
      "POST /next?counter=a HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: \"k\"\r\n"
      "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" +
      keyed("/next?counter=a", "k");
  for (const char& byte : bytes) client.send({&byte, 1});
  EXPECT_EQ(client.read().json("start"), "7");
  EXPECT_EQ(client.read().json("comment"), R"("hello")");
  EXPECT_EQ(client.read().body, R"({"id":7})");
  EXPECT_EQ(client.read().body, R"({"id":7})");
}

TEST_F(ServerTest, AsksForTheBodyOfADefinition) {
  start();
  auto client = connect();
  client.send(
      "PUT /v1/counters/a HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
      "Content-Length: 11\r\n\r\n");
  EXPECT_EQ(client.read().status, 100U);
  EXPECT_EQ(client.call(R"({"start":7})").json("start"), "7");
}

TEST_F(ServerTest, WrongChangesChangeNothing) {
  start();
  auto client = connect();
  EXPECT_EQ(client.call(get("/next?counter=a")).body, R"({"id":1})");
  const auto before = client.call(get("/v1/counters/a")).body;
  for (const auto& request :
       {put("/v1/counters/a", R"({"max":0})"), put("/v1/counters/a", "max=5"),
        put("/v1/counters/a?max=5", "{}"), put("/v1/counters/a", R"({"max":5,"max":6})"),
        put("/v1/counters/-", "{}"), post_advance("a", "0"),
        post_advance("a", "9223372036854775808"), with_body("POST", "/v1/counters/a/advance", "{}"),
        std::string("PUT /v1/counters/a HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
                    "Content-Length: 2\r\n\r\n{}")}) {
    const auto answer = client.call(request);
    EXPECT_EQ(answer.status, 400U) << request;
    EXPECT_EQ(answer.json("type"), R"("urn:nextid:error:invalid")") << request;
  }
  EXPECT_EQ(client.call(get("/v1/counters/a")).body, before);
  EXPECT_EQ(client.call(get("/v1/counters")).json("next"), "null");
}

TEST_F(ServerTest, WithoutAutoCreateCountersAreDefinedFirst) {
  config_.store_options.auto_create = false;
  start();
  auto client = connect();
  const auto refused = client.call(get("/next?counter=a"));
  EXPECT_EQ(refused.status, 404U);
  EXPECT_EQ(refused.json("type"), R"("urn:nextid:error:not_found")");
  EXPECT_EQ(client.call(put("/v1/counters/a", "")).status, 201U);
  EXPECT_EQ(client.call(get("/next?counter=a")).body, R"({"id":1})");
}

// --- Idempotency keys

TEST_F(ServerTest, AKeyStandsForItsIds) {
  start();
  auto client = connect();
  EXPECT_EQ(client.call(keyed("/next", "k")).body, R"({"id":1})");
  EXPECT_EQ(client.call(get("/next")).body, R"({"id":2})");
  EXPECT_EQ(client.call(keyed("/next", "\"k\"")).body, R"({"id":1})");
  EXPECT_EQ(client.call(keyed("/range?count=1", "k")).body, R"({"start":1,"end":1,"count":1})");
  EXPECT_EQ(connect().call(keyed("/v1/counters/global/next", "k")).body, R"({"id":1})");
  EXPECT_EQ(client.call(keyed("/range?count=2", "k")).status, 409U);
  EXPECT_EQ(client.call(keyed("/next?counter=other", "k")).body, R"({"id":1})");
  EXPECT_EQ(client.call(keyed("/range?count=2", "l")).body, R"({"start":3,"end":4,"count":2})");
  EXPECT_EQ(client.call(keyed("/next", "")).status, 400U);
  const auto accounting = stop();
  EXPECT_EQ(accounting.returned + accounting.burned_total(),
            stored_value() + stored_value("other"));
}

TEST_F(ServerTest, PipelinedRequestsOfOneKeyAgree) {
  start();
  auto client = connect();
  std::string bytes;
  for (int i = 0; i < 500; ++i) bytes += keyed("/next", "k") + get("/next");
  client.send(bytes);
  std::set<std::string> keyed_answers;
  std::set<std::string> others;
  for (int i = 0; i < 500; ++i) {
    keyed_answers.insert(client.read().body);
    others.insert(client.read().body);
  }
  EXPECT_EQ(keyed_answers.size(), 1U);
  EXPECT_EQ(others.size(), 500U);
  EXPECT_FALSE(others.contains(*keyed_answers.begin()));
}

TEST_F(ServerTest, AKeyKeepsIdsThatDoNotReachTheirClient) {
  config_.clients.write_timeout = std::chrono::milliseconds(100);
  start();
  auto client = connect();
  client.shrink_receive_buffer();
  std::string pipeline;
  for (int i = 0; i < 1000; ++i) pipeline += keyed("/range?count=2", "k");
  // Until neither side's buffers take more, and the server gives up.
  EXPECT_TRUE(eventually([&] { return !client.send(pipeline); }));
  EXPECT_EQ(connect().call(keyed("/range?count=2", "k")).body, R"({"start":1,"end":2,"count":2})");

  const auto accounting = stop();
  EXPECT_EQ(accounting.returned, 2U);
  EXPECT_EQ(accounting.burned_total(), 0U);
  EXPECT_EQ(stored_value(), 2U);
}

}  // namespace
}  // namespace nextid::testing
