// When the engine waits for clients that were just answered, and when it must not.
#include "engine/gathering.h"

#include <chrono>

#include <gtest/gtest.h>

#include "engine/engine.h"
#include "engine_driver.h"

namespace nextid::engine {
namespace {

using contract::Committed;
using std::chrono::milliseconds;

constexpr milliseconds kOp{8};  // So that a wait is 4 ms at most.

/// Clients of one engine, whose store takes kOp for each op.
class GatheringTest : public ::testing::Test {
 protected:
  void SetUp() override {
    driver_.request(1);
    driver_.tick();
    driver_.load();
    end_op();
    driver_.tick(kOp);
  }

  void ask(int requests) {
    for (int i = 0; i < requests; ++i) driver_.request(1);
    driver_.tick();
  }
  bool op_is_out() const { return driver_.attempt.has_value(); }
  std::uint64_t op_size() const { return driver_.reserve().step; }
  /// The op in flight ends kOp after it began.
  void end_op() {
    driver_.tick(kOp);
    value_ += static_cast<std::int64_t>(op_size());
    driver_.answer(Committed{value_});
  }
  /// Eight clients that ask again 1 ms after each answer.
  void learn_that_they_come_back() {
    ask(8);
    end_op();
    driver_.tick(milliseconds(1));
    ask(8);
    end_op();
  }

  EngineDriver driver_;
  std::int64_t value_ = 0;
};

TEST_F(GatheringTest, WaitsUntilThoseJustAnsweredAreBack) {
  learn_that_they_come_back();
  ask(3);
  EXPECT_FALSE(op_is_out());
  driver_.tick(milliseconds(1));
  ask(4);
  EXPECT_FALSE(op_is_out());
  ask(1);
  ASSERT_TRUE(op_is_out()) << "all eight are back";
  EXPECT_EQ(op_size(), 8u);
}

TEST_F(GatheringTest, MergesTwoGroupsIntoOne) {
  ask(4);
  ask(4);  // While the op of the first four is out.
  end_op();
  ASSERT_TRUE(op_is_out());
  driver_.tick(milliseconds(1));
  ask(4);  // The first four are back soon.
  end_op();
  EXPECT_FALSE(op_is_out());
  ask(4);
  ASSERT_TRUE(op_is_out());
  EXPECT_EQ(op_size(), 8u);
}

TEST_F(GatheringTest, WaitsForHalfOfAnOpAtMost) {
  learn_that_they_come_back();
  ask(3);
  EXPECT_EQ(driver_.engine().wake_at(), driver_.now() + kOp / 2);
  driver_.tick(kOp / 2);
  ASSERT_TRUE(op_is_out());
  EXPECT_EQ(op_size(), 3u);
}

TEST_F(GatheringTest, DoesNotWaitAgainForThoseWhoStayedAway) {
  learn_that_they_come_back();
  ask(3);
  driver_.tick(kOp / 2);
  end_op();
  ask(1);
  EXPECT_TRUE(op_is_out());
}

TEST_F(GatheringTest, NeverKeepsALoneClientWaiting) {
  for (int i = 0; i < 10; ++i) {
    ask(1);
    ASSERT_TRUE(op_is_out()) << i;
    end_op();
    driver_.tick(milliseconds(1));
  }
}

TEST_F(GatheringTest, DoesNotWaitForClientsThatComeAtRandom) {
  ask(8);
  for (int round = 0; round < 20; ++round) {
    // One a millisecond: eight during an op, five in the half of an op after it.
    for (int i = 0; i < 7; ++i) {
      driver_.tick(milliseconds(1));
      ask(1);
    }
    driver_.tick(milliseconds(1));
    value_ += static_cast<std::int64_t>(op_size());
    driver_.answer(Committed{value_});
    ASSERT_TRUE(op_is_out()) << round;
    ask(1);
  }
}

TEST_F(GatheringTest, DoesNotWaitAfterShortOps) {
  for (int i = 0; i < 5; ++i) {
    ask(8);
    driver_.answer(Committed{value_ += 8});
  }
  ask(1);
  EXPECT_TRUE(op_is_out());
}

TEST_F(GatheringTest, HurriesWhenItCloses) {
  learn_that_they_come_back();
  ask(3);
  EXPECT_FALSE(op_is_out());
  driver_.engine().close(driver_.now() + std::chrono::seconds(1));
  driver_.tick();
  EXPECT_TRUE(op_is_out());
}

}  // namespace
}  // namespace nextid::engine
