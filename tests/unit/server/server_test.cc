// What clients of a running server see: answers, their order, and the connection around them.
#include <filesystem>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "unit/server/server_fixture.h"

namespace nextid::testing {
namespace {

TEST_F(ServerTest, HandsOutIdsAndRanges) {
  start();
  auto client = connect();
  const auto first = client.call(get("/next"));
  EXPECT_EQ(first.status, 200U);
  EXPECT_EQ(first.body, R"({"id":1})");
  EXPECT_TRUE(first.has("Content-Type: application/json\r\n"));
  EXPECT_TRUE(first.has("Cache-Control: no-store\r\n"));
  EXPECT_TRUE(first.has("\r\nDate: "));
  EXPECT_EQ(client.call(get("/range?count=10")).body, R"({"start":2,"end":11,"count":10})");
  EXPECT_EQ(client.call(get("/next?counter=orders&as=string")).body, R"({"id":"1"})");
  EXPECT_EQ(client.call(get("/v1/counters/orders/next")).body, R"({"id":2})");
  EXPECT_EQ(client.call(get("/v1/counters/orders/range?count=2")).body,
            R"({"start":3,"end":4,"count":2})");
  EXPECT_EQ(client.call("POST /next HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n").body,
            R"({"id":12})");
}

TEST_F(ServerTest, ShowsCounters) {
  start();
  auto client = connect();
  EXPECT_EQ(client.call(get("/v1/counters")).body, R"({"counters":[],"next":null})");
  EXPECT_EQ(client.call(get("/v1/counters/a")).status, 404U);
  for (const auto* name : {"b", "a", "c"}) {
    client.call(get("/next?counter=" + std::string(name)));
  }
  EXPECT_EQ(client.call(get("/v1/counters/a")).json("value"), "1");
  EXPECT_EQ(client.call(get("/v1/counters/a?as=string")).json("max"), R"("9223372036854775807")");
  const auto page = client.call(get("/v1/counters?limit=2"));
  EXPECT_EQ(page.json("next"), R"("b")");
  const auto rest = client.call(get("/v1/counters?after=b"));
  EXPECT_NE(rest.body.find(R"("name":"c")"), std::string::npos);
  EXPECT_EQ(rest.json("next"), "null");
}

TEST_F(ServerTest, TellsItsHealth) {
  start();
  auto client = connect();
  EXPECT_EQ(client.call(get("/healthz")).body, R"({"status":"ok"})");
  EXPECT_EQ(client.call(get("/readyz")).body, R"({"status":"ready"})");
}

TEST_F(ServerTest, HeadHasNoBodyAndTheConnectionGoesOn) {
  start();
  auto client = connect();
  client.send("HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" + get("/next"));
  const auto head = client.read(false);
  EXPECT_EQ(head.status, 200U);
  EXPECT_TRUE(head.has("Content-Length: 15\r\n"));
  EXPECT_EQ(client.read().body, R"({"id":1})");

  client.send("HEAD /next HTTP/1.1\r\nHost: localhost\r\n\r\n" + get("/next"));
  const auto refused = client.read(false);
  EXPECT_EQ(refused.status, 405U);
  EXPECT_TRUE(refused.has("Allow: GET, POST\r\n"));
  EXPECT_EQ(client.read().body, R"({"id":2})") << "the refused HEAD burned an id";
}

// --- Pipelines

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  start();
  auto client = connect();
  const std::vector<std::string> targets{"/next",         "/healthz", "/range?count=3",
                                         "/nope",         "/readyz",  "/next?counter=other",
                                         "/range?count=0"};
  constexpr int kRounds = 700;  // Beyond the bound on unanswered requests.
  std::thread sender([&] {
    std::string bytes;
    for (int i = 0; i < kRounds; ++i) {
      for (const auto& target : targets) bytes += get(target);
    }
    EXPECT_TRUE(client.send(bytes));
  });
  std::uint64_t last = 0;
  std::uint64_t last_other = 0;
  for (int i = 0; i < kRounds; ++i) {
    EXPECT_EQ(client.read().number("id"), last + 1);
    EXPECT_EQ(client.read().body, R"({"status":"ok"})");
    EXPECT_EQ(client.read().number("start"), last + 2);
    last += 4;
    EXPECT_EQ(client.read().status, 404U);
    EXPECT_EQ(client.read().body, R"({"status":"ready"})");
    EXPECT_EQ(client.read().number("id"), ++last_other);
    EXPECT_EQ(client.read().status, 400U);
    if (HasFailure()) break;
  }
  sender.join();
}

TEST_F(ServerTest, ReadsSeeThePipelinedRequestsBeforeThemAndNoneAfter) {
  start();
  auto client = connect();
  std::string bytes;
  for (int i = 0; i < 50; ++i) bytes += get("/next") + get("/next") + get("/v1/counters/global");
  client.send(bytes);
  for (int i = 0; i < 50; ++i) {
    client.read();
    const auto id = client.read().json("id");
    EXPECT_EQ(client.read().json("value"), id);
  }
}

TEST_F(ServerTest, TakesRequestsByteByByte) {
  start();
  auto client = connect();
  const std::string bytes = get("/next") +
                            "POST /range?count=2 HTTP/1.1\r\nHost: localhost\r\n"
                            "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
  for (const char& byte : bytes) client.send({&byte, 1});
  EXPECT_EQ(client.read().body, R"({"id":1})");
  EXPECT_EQ(client.read().body, R"({"start":2,"end":3,"count":2})");
}

TEST_F(ServerTest, ServesManyClientsOnSeveralThreads) {
  config_.threads = 2;
  start();
  constexpr int kClients = 16;
  constexpr int kCalls = 100;
  std::mutex mutex;
  std::set<std::uint64_t> ids;
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&] {
      auto client = connect();
      std::uint64_t last = 0;
      for (int call = 0; call < kCalls; ++call) {
        const auto id = client.call(get("/next")).number("id");
        EXPECT_GT(id, last);
        last = id;
        const std::lock_guard lock(mutex);
        EXPECT_TRUE(ids.insert(id).second) << id << " came twice";
      }
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(ids.size(), std::size_t{kClients * kCalls});
  EXPECT_EQ(*ids.rbegin(), std::uint64_t{kClients * kCalls}) << "no gap";
}

// --- The end of a connection

TEST_F(ServerTest, AnswersAClientThatHalfClosed) {
  start();
  auto client = connect();
  client.send(get("/next") + get("/readyz") + get("/range?count=2") + "GET /unfinished");
  client.half_close();
  EXPECT_EQ(client.read().body, R"({"id":1})");
  EXPECT_EQ(client.read().body, R"({"status":"ready"})");
  EXPECT_EQ(client.read().body, R"({"start":2,"end":3,"count":2})");
  EXPECT_TRUE(client.reads_end());
}

TEST_F(ServerTest, ClosesWhenAskedTo) {
  start();
  auto client = connect();
  client.send("GET /next HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" + get("/next"));
  const auto answer = client.read();
  EXPECT_EQ(answer.body, R"({"id":1})");
  EXPECT_TRUE(answer.has("Connection: close\r\n"));
  EXPECT_TRUE(client.reads_end());
  EXPECT_EQ(connect().call(get("/next")).body, R"({"id":2})") << "requests after it are not taken";
}

TEST_F(ServerTest, SpeaksHttp10) {
  start();
  auto client = connect();
  const auto kept = client.call("GET /next HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(kept.body, R"({"id":1})");
  EXPECT_TRUE(kept.has("Connection: keep-alive\r\n"));
  const auto last = client.call("GET /next HTTP/1.0\r\n\r\n");
  EXPECT_EQ(last.body, R"({"id":2})");
  EXPECT_TRUE(last.has("Connection: close\r\n"));
  EXPECT_TRUE(client.reads_end());
}

TEST_F(ServerTest, AsksForABodyThatTheClientHoldsBack) {
  start();
  auto client = connect();
  client.send(get("/next") +
              "POST /next HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: "
              "3\r\n\r\n");
  EXPECT_EQ(client.read().body, R"({"id":1})");
  EXPECT_EQ(client.read().status, 100U);
  EXPECT_EQ(client.call("{x}").status, 400U);
  EXPECT_EQ(client.call(get("/next")).body, R"({"id":2})");
}

// --- Bad input

TEST_F(ServerTest, BadRequestsBurnNothing) {
  start();
  auto client = connect();
  for (const auto* target :
       {"/range", "/range?count=0", "/range?count=-1", "/range?count=1e3", "/range?count=1000001",
        "/range?count=18446744073709551616", "/next?counter=a%20b", "/next?x=1",
        "/next?as=string&as=string", "/v1/counters/%ff/next"}) {
    const auto answer = client.call(get(target));
    EXPECT_EQ(answer.status, 400U) << target;
    EXPECT_TRUE(answer.has("Content-Type: application/problem+json\r\n"));
    EXPECT_EQ(answer.json("type"), R"("urn:nextid:error:invalid")");
  }
  EXPECT_EQ(client.call("PUT /next HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 405U);
  EXPECT_EQ(
      client.call("POST /next HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx").status,
      400U);
  EXPECT_EQ(client.call(get("/next")).body, R"({"id":1})");
  const auto accounting = stop();
  EXPECT_EQ(accounting.returned, 1U);
  EXPECT_EQ(accounting.burned_total(), 0U);
  EXPECT_EQ(stored_value(), 1U);
}

struct Broken {
  std::string bytes;
  unsigned status;
};

class BrokenRequests : public ServerTest, public ::testing::WithParamInterface<Broken> {};

TEST_P(BrokenRequests, AreAnsweredAfterThoseBeforeThem) {
  start();
  auto client = connect();
  client.send(get("/next") + GetParam().bytes);
  EXPECT_EQ(client.read().body, R"({"id":1})");
  const auto answer = client.read();
  EXPECT_EQ(answer.status, GetParam().status);
  EXPECT_TRUE(answer.has("Content-Type: application/problem+json\r\n"));
  EXPECT_TRUE(answer.has("Connection: close\r\n"));
  EXPECT_TRUE(client.reads_end());
  EXPECT_EQ(connect().call(get("/next")).body, R"({"id":2})") << "the server stays up";
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, BrokenRequests,
    ::testing::Values(
        Broken{"\x16\x03\x01\x02", 400}, Broken{"GET / HTTP/1.1\r\n\r\n", 400},
        Broken{"GET /" + std::string(20'000, 'x') + " HTTP/1.1\r\nHost: localhost\r\n\r\n", 431},
        Broken{"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 65537\r\n\r\n" +
                   std::string(65537, 'x'),
               413},
        Broken{"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n" +
                   std::string(65537, 'x') + "\r\n0\r\n\r\n",
               413}));

TEST_F(ServerTest, WithoutTokensItListensOnLoopbackOnly) {
  for (const auto* host : {"0.0.0.0", "::", "10.0.0.1", "fe80::1"}) {
    for (const bool http : {true, false}) {
      server::Config config = config_;
      (http ? config.http : config.resp.emplace()) = {.host = host, .port = 0};
      const auto refused = server::Server::start(config);
      ASSERT_TRUE(refused.has_error()) << host;
      EXPECT_EQ(refused.error().code(), ErrorCode::kInvalid);
      EXPECT_NE(std::string(refused.error().what()).find("--insecure"), std::string::npos);
    }
  }
  EXPECT_FALSE(std::filesystem::exists(directory_.path() / "ids.db"));
}

}  // namespace
}  // namespace nextid::testing
