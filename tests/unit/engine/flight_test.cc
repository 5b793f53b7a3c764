#include "engine/flight.h"

#include <chrono>
#include <cstdint>

#include <gtest/gtest.h>

namespace nextid::engine {
namespace {

MonotonicTime at(int second) { return MonotonicTime(std::chrono::seconds(second)); }

/// A reserve of 12 ids: for the requests 1, 2 and 3, which ask for 2, 3 and 5; 2 more are held.
class FlightTest : public ::testing::Test {
 protected:
  static Cargo cargo() {
    Cargo cargo{12, 2, {}, at(5)};
    cargo.tickets.push_back({{1, nullptr, 0}, 2, at(5), {}});
    cargo.tickets.push_back({{2, nullptr, 0}, 3, at(9), {}});
    cargo.tickets.push_back({{3, nullptr, 0}, 5, at(7), {}});
    return cargo;
  }
  static contract::Reserve op() { return {"orders", 7, 40, 10, 1, 12, 100}; }
  void TearDown() override { flight_.verify(); }

  Flight flight_{op(), at(1), cargo()};
};

TEST_F(FlightTest, IsDueAtOnceAndOutUntilAnOutcomeComes) {
  EXPECT_FALSE(flight_.sent());
  EXPECT_EQ(flight_.retry_at(), at(1));
  EXPECT_EQ(flight_.started(), at(1));
  flight_.send();
  EXPECT_TRUE(flight_.sent());
  EXPECT_TRUE(flight_.may_be_applied());
  flight_.attempt_ended();
  EXPECT_FALSE(flight_.sent());
  EXPECT_FALSE(flight_.may_be_applied()) << "nothing was said of doubt";
}

TEST_F(FlightTest, EachAttemptIsTheSameOp) {
  for (unsigned failures = 1; failures <= 3; ++failures) {
    const auto sent = std::get<contract::Reserve>(flight_.send());
    EXPECT_EQ(sent.seq, 40U);
    EXPECT_EQ(sent.prev, 10U);
    EXPECT_EQ(sent.step, 12U);
    flight_.attempt_ended();
    EXPECT_EQ(flight_.attempt_failed(), failures);
    flight_.retry(at(2));
    EXPECT_EQ(flight_.retry_at(), at(2));
  }
}

TEST_F(FlightTest, ADoubtStays) {
  flight_.send();
  flight_.attempt_ended();
  flight_.doubt();
  flight_.send();
  flight_.attempt_ended();
  EXPECT_TRUE(flight_.in_doubt());
  EXPECT_TRUE(flight_.may_be_applied());
}

TEST_F(FlightTest, ItsRequestsMayDieButNotLeave) {
  EXPECT_TRUE(flight_.bury(2));
  EXPECT_FALSE(flight_.bury(2));
  EXPECT_FALSE(flight_.bury(4));
  EXPECT_TRUE(flight_.expire(at(4)).empty());
  const auto expired = flight_.expire(at(5));
  ASSERT_EQ(expired.size(), 1U);
  EXPECT_EQ(expired[0].number, 1U);
  EXPECT_EQ(flight_.earliest_deadline(), at(7));
  ASSERT_EQ(flight_.tickets().size(), 3U);
  EXPECT_EQ(flight_.tickets()[0].dead, BurnReason::kDeadline);
  EXPECT_EQ(flight_.tickets()[1].dead, BurnReason::kDisconnect);
  ASSERT_EQ(flight_.living().size(), 1U);
  EXPECT_EQ(flight_.living()[0].number, 3U);
  EXPECT_EQ(flight_.count(), 12U);
  EXPECT_EQ(flight_.held(), 2U);
}

TEST_F(FlightTest, BuriesTheLivingThatAreTooLarge) {
  EXPECT_TRUE(flight_.bury(3));
  const auto buried = flight_.bury_larger_than(2);
  ASSERT_EQ(buried.size(), 1U);
  EXPECT_EQ(buried[0].ticket.number, 2U);
  EXPECT_EQ(flight_.tickets()[2].dead, BurnReason::kDisconnect) << "it has its reason already";
  EXPECT_TRUE(flight_.bury_larger_than(2).empty());
}

TEST(Flight, WithoutRequestsHasNoDeadline) {
  Flight flight(contract::Load{"orders", 7}, at(1));
  EXPECT_EQ(flight.earliest_deadline(), MonotonicTime::max());
  EXPECT_TRUE(flight.expire(at(1'000)).empty());
  flight.verify();
}

}  // namespace
}  // namespace nextid::engine
