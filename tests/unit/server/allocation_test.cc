// A cached id costs the server no allocation. In a program of its own, whose operator new counts.
#include <algorithm>
#include <cstdint>
#include <fstream>
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "auth/tokens.h"
#include "unit/server/counted_new.h"
#include "unit/server/server_fixture.h"

namespace nextid::testing {
namespace {

class AllocationTest : public ServerTest {
 protected:
  static constexpr int kRequests = 200;
  static constexpr int kRounds = 10;

  AllocationTest() { config_.store_options.default_cache = 1'000'000; }

  /// Of the server, for kRequests calls: in the best of some rounds, since now and then it fetches
  /// ids, or looks for idle clients.
  static std::uint64_t fewest_allocations(const std::function<void()>& call) {
    std::uint64_t fewest = ~std::uint64_t{0};
    for (int round = 0; round < kRounds; ++round) {
      const std::uint64_t before = allocations();
      for (int i = 0; i < kRequests; ++i) call();
      fewest = std::min(fewest, allocations() - before);
    }
    return fewest;
  }

  std::uint64_t fewest_for_http(const std::string& request) {
    auto client = connect();
    return fewest_allocations([&] { ASSERT_EQ(client.call(request).status, 200U); });
  }

  /// `commands` has as many as there are answers.
  std::uint64_t fewest_for_resp(const std::string& commands, int answers = 1) {
    HttpClient client(server_->port("resp"));
    return fewest_allocations([&] {
      ASSERT_TRUE(client.send(commands));
      for (int i = 0; i < answers; ++i) ASSERT_TRUE(client.read_line().starts_with(':'));
    });
  }

 private:
  const NotCounted this_thread_;
};

TEST_F(AllocationTest, NoneForACachedIdOverHttp) {
  start();
  EXPECT_EQ(fewest_for_http(get("/next")), 0U);
  EXPECT_EQ(fewest_for_http(get("/next?counter=orders&as=string")), 0U);
  EXPECT_EQ(fewest_for_http(get("/v1/counters/orders/next")), 0U);
  EXPECT_EQ(fewest_for_http("POST /next HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"),
            0U);
}

// The name is decoded, and kept until its generator is found: more than std::string holds itself.
TEST_F(AllocationTest, TwoForALongNameInAUrl) {
  start();
  const std::string name = "a-name-of-more-than-a-few-letters";
  EXPECT_EQ(fewest_for_http(get("/next?counter=" + name)), 2U * kRequests);
  EXPECT_EQ(fewest_for_http(get("/v1/counters/" + name + "/next")), 2U * kRequests);
}

TEST_F(AllocationTest, NoneForACachedIdOverResp) {
  start();
  const std::string incr = "*2\r\n$4\r\nINCR\r\n$6\r\norders\r\n";
  EXPECT_EQ(fewest_for_resp(incr), 0U);
  EXPECT_EQ(fewest_for_resp(incr + incr + incr + incr + incr + incr + incr + incr, 8), 0U);
  EXPECT_EQ(fewest_for_resp("INCR orders\r\n"), 0U);
  EXPECT_EQ(fewest_for_resp("INCR a-name-of-more-than-a-few-letters\r\n"), 0U);
}

TEST_F(AllocationTest, NoneForAToken) {
  config_.tokens = directory_.path() / "tokens";
  const std::string secret = "a-secret-of-some-length-as-tokens-are";
  std::ofstream(config_.tokens) << auth::token_line("worker", secret, "allocate", {"*"}) << "\n";
  start();
  EXPECT_EQ(fewest_for_http("GET /next HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " +
                            secret + "\r\n\r\n"),
            0U);
}

}  // namespace
}  // namespace nextid::testing
