// Slow, silent, greedy and vanishing clients: each meets its limit, and every id is accounted for.
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/server/server_fixture.h"

namespace nextid::testing {
namespace {

using std::chrono::milliseconds;

TEST_F(ServerTest, RefusesARequestThatArrivesTooSlowly) {
  config_.clients.header_timeout = milliseconds(50);
  start();
  auto client = connect();
  EXPECT_EQ(client.call(get("/next")).status, 200U);
  for (const auto* part : {"GET /next HTTP/1.1\r\nHos",
                           "POST /next HTTP/1.1\r\nHost: localhost\r\n"
                           "Content-Length: 9\r\n\r\nxx"}) {
    auto slow = connect();
    slow.send(part);
    const auto answer = slow.read();
    EXPECT_EQ(answer.status, 408U);
    EXPECT_TRUE(answer.has("Content-Type: application/problem+json\r\n"));
    EXPECT_TRUE(answer.has("Connection: close\r\n"));
    EXPECT_TRUE(slow.reads_end());
  }
  EXPECT_EQ(client.call(get("/next")).body, R"({"id":2})") << "an idle client is not slow";
}

TEST_F(ServerTest, ClosesIdleConnections) {
  config_.clients.idle_timeout = milliseconds(50);
  start();
  auto silent = connect();
  EXPECT_TRUE(silent.reads_end());
  auto used = connect();
  EXPECT_EQ(used.call(get("/next")).status, 200U);
  EXPECT_TRUE(used.reads_end());
}

TEST_F(ServerTest, EmptyLinesDoNotKeepAConnectionOpen) {
  config_.clients.idle_timeout = milliseconds(50);
  start();
  auto client = connect();
  EXPECT_TRUE(eventually([&] { return !client.send("\r\n"); }));
}

TEST_F(ServerTest, DropsAClientThatDoesNotRead) {
  config_.clients.write_timeout = milliseconds(100);
  start();
  auto client = connect();
  client.shrink_receive_buffer();
  std::string pipeline;
  for (int i = 0; i < 1000; ++i) pipeline += get("/range?count=2");
  // Until neither side's buffers take more, and the server gives up.
  EXPECT_TRUE(eventually([&] { return !client.send(pipeline); }));
  EXPECT_EQ(connect().call(get("/healthz")).status, 200U);

  const auto accounting = stop();
  EXPECT_GT(accounting.burned_by(BurnReason::kDisconnect), 0U);
  EXPECT_EQ(accounting.returned + accounting.burned_total(), stored_value());
}

TEST_F(ServerTest, RefusesClientsOverTheLimitAndTakesThemLater) {
  config_.clients.max_connections = 2;
  start();
  auto first = connect();
  EXPECT_EQ(first.call(get("/next")).status, 200U);
  {
    auto second = connect();
    EXPECT_EQ(second.call(get("/next")).status, 200U);
    auto third = connect();
    const auto refused = third.call(get("/next"));
    EXPECT_EQ(refused.status, 503U);
    EXPECT_EQ(refused.json("type"), R"("urn:nextid:error:overloaded")");
    EXPECT_TRUE(refused.has("Retry-After: 1\r\n"));
    EXPECT_TRUE(third.reads_end());
  }
  EXPECT_TRUE(eventually([&] { return connect().call(get("/next")).status == 200; }));
  EXPECT_EQ(first.call(get("/next")).status, 200U);
}

TEST_F(ServerTest, AFullServerAnswersProbes) {
  config_.clients.max_connections = 1;
  config_.resp.reset();
  start();
  auto only = connect();
  EXPECT_EQ(only.call(get("/next")).status, 200U);
  for (const auto* probe : {"/healthz", "/readyz", "/metrics"}) {
    auto monitor = connect();
    EXPECT_EQ(monitor.call(get(probe)).status, 200U) << probe;
    EXPECT_TRUE(monitor.reads_end()) << probe;
  }
  // One request, and the others of its pipeline find no ids.
  auto greedy = connect();
  greedy.send(get("/healthz") + get("/next"));
  EXPECT_EQ(greedy.read().status, 200U);
  EXPECT_TRUE(greedy.reads_end());
  EXPECT_EQ(only.call(get("/next")).number("id"), 2U);
}

TEST_F(ServerTest, AClientTooManyHasNotLongToAsk) {
  config_.clients.max_connections = 1;
  config_.clients.header_timeout = milliseconds(100);
  start();
  auto only = connect();
  EXPECT_EQ(only.call(get("/next")).status, 200U);
  auto silent = connect();
  EXPECT_EQ(silent.read().status, 408U);
  EXPECT_TRUE(silent.reads_end());
}

TEST_F(ServerTest, IdleRespClientsAreClosedWhereThatIsAskedFor) {
  config_.resp = net::HostPort{.host = "127.0.0.1", .port = 0};
  config_.resp_idle_timeout = milliseconds(100);
  start();
  HttpClient client(server_->port("resp"));
  client.send("PING\r\n");
  EXPECT_TRUE(eventually([&] { return client.reads_end(); }));
}

TEST_F(ServerTest, AccountsForClientsThatVanish) {
  config_.threads = 2;
  start();
  for (int i = 0; i < 200; ++i) {
    auto client = connect();
    client.send(get("/next") + get("/range?count=5") + get("/next?counter=other"));
    if (i % 2 == 0) client.read();
    client.reset();
  }
  auto client = connect();
  const auto last = client.call(get("/next")).number("id");
  const auto accounting = stop();
  const auto stored = stored_value();
  EXPECT_GE(stored, last);
  EXPECT_EQ(accounting.returned + accounting.burned_total(), stored + stored_value("other"));
}

}  // namespace
}  // namespace nextid::testing
