#include "engine/advances.h"

#include <chrono>

#include <gtest/gtest.h>

namespace nextid::engine {
namespace {

MonotonicTime at(int second) { return MonotonicTime(std::chrono::seconds(second)); }

/// To 100, 200 and 300, with deadlines at 10, 5 and 20.
class AdvancesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    advances_.push({1, nullptr}, 100, at(10));
    advances_.push({2, nullptr}, 200, at(5));
    advances_.push({3, nullptr}, 300, at(20));
  }
  void TearDown() override { advances_.verify(); }

  Advances advances_;
};

TEST_F(AdvancesTest, AreDoneInOrder) {
  EXPECT_EQ(advances_.front().to, 100);
  EXPECT_EQ(advances_.pop().ticket.number, 1U);
  EXPECT_EQ(advances_.pop().to, 200);
  EXPECT_EQ(advances_.pop().to, 300);
  EXPECT_TRUE(advances_.empty());
  EXPECT_EQ(advances_.earliest_deadline(), MonotonicTime::max());
}

TEST_F(AdvancesTest, OneThatExpiredHasItsAnswer) {
  EXPECT_TRUE(advances_.expire(at(4)).empty());
  const auto expired = advances_.expire(at(12));
  ASSERT_EQ(expired.size(), 2U);
  EXPECT_EQ(expired[0].number, 1U);
  EXPECT_EQ(expired[1].number, 2U);
  EXPECT_TRUE(advances_.expire(at(12)).empty());
  EXPECT_EQ(advances_.earliest_deadline(), at(20));
  EXPECT_TRUE(advances_.front().answered) << "its op goes on";

  const auto left = advances_.clear();
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].number, 3U);
  EXPECT_TRUE(advances_.empty());
}

TEST_F(AdvancesTest, AnsweredOnesAreDroppedBetweenOps) {
  advances_.expire(at(10));
  advances_.drop_answered();
  EXPECT_EQ(advances_.front().to, 300);
  advances_.expire(at(20));
  advances_.drop_answered();
  EXPECT_TRUE(advances_.empty());
  EXPECT_EQ(advances_.earliest_deadline(), MonotonicTime::max());
}

}  // namespace
}  // namespace nextid::engine
