// Starting where it can't, and stopping: in time, with every request that was taken answered.
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "unit/server/server_fixture.h"

namespace nextid::testing {
namespace {

TEST_F(ServerTest, SaysWhyItCannotListen) {
  start();
  auto taken = config_;
  taken.store = "memory:";
  taken.http.port = server_->port("http");
  const auto second = server::Server::start(taken);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kUnavailable);
  EXPECT_NE(std::string(second.error().what())
                .find("127.0.0.1:" + std::to_string(taken.http.port) + ": Address already in use"),
            std::string::npos)
      << second.error().what();

  taken.http = {.host = "no-such-host.invalid", .port = 0};
  const auto nowhere = server::Server::start(taken);
  ASSERT_FALSE(nowhere);
  EXPECT_NE(std::string(nowhere.error().what()).find("no-such-host.invalid"), std::string::npos);
}

TEST_F(ServerTest, ListensOnIpv6AndNames) {
  for (const auto* host : {"::1", "localhost"}) {
    auto config = config_;
    config.store = "memory:";
    config.http.host = host;
    const auto server = server::Server::start(config);
    if (!server && std::string(host) == "::1") GTEST_SKIP() << "not run: no IPv6 on this machine";
    ASSERT_TRUE(server) << server.error().what();
    EXPECT_NE((*server)->port("http"), 0);
  }
}

TEST_F(ServerTest, StopAnswersWhatItHasAndAccountsForAll) {
  config_.threads = 2;
  start();
  std::atomic<std::uint64_t> received{0};
  std::atomic<int> running{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      auto client = connect();
      bool first = true;
      for (;;) {
        const auto answer = client.call(get("/range?count=3"));
        if (answer.status != 200) break;
        received += answer.number("count");
        if (first) ++running;
        first = false;
      }
    });
  }
  EXPECT_TRUE(eventually([&] { return running == 8; }));
  const auto accounting = stop();
  for (auto& client : clients) client.join();
  EXPECT_EQ(accounting.returned, received);
  EXPECT_EQ(accounting.burned_total(), 0U);
  EXPECT_EQ(stored_value(), received);
}

TEST_F(ServerTest, StopTellsKeepAliveClientsToGo) {
  start();
  auto idle = connect();
  EXPECT_EQ(idle.call(get("/next")).status, 200U);
  auto unfinished = connect();
  unfinished.send("GET /next HTTP/1.1\r\n");
  auto silent = connect();
  const auto begin = std::chrono::steady_clock::now();
  stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_TRUE(idle.reads_end());
  EXPECT_TRUE(unfinished.reads_end());
  EXPECT_TRUE(silent.reads_end());
}

TEST_F(ServerTest, StopIsBoundedWhenAClientDoesNotRead) {
  start();
  auto client = connect();
  client.shrink_receive_buffer();
  client.set_send_limit(std::chrono::milliseconds(500));
  std::string pipeline;
  for (int i = 0; i < 1000; ++i) pipeline += get("/range?count=2");
  EXPECT_TRUE(eventually([&] { return !client.send(pipeline); }));

  const auto begin = std::chrono::steady_clock::now();
  const auto accounting = server_->stop(std::chrono::milliseconds(800));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(3));
  EXPECT_GT(accounting.burned_by(BurnReason::kDisconnect), 0U);
  EXPECT_EQ(accounting.returned + accounting.burned_total(), stored_value());
}

}  // namespace
}  // namespace nextid::testing
