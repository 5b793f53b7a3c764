// When the engine waits for clients that were just answered, and when it must not.
#include "engine/gathering.h"

#include <chrono>
#include <utility>

#include <gtest/gtest.h>

#include "engine/engine.h"
#include "engine_driver.h"

namespace nextid::engine {
namespace {

using contract::Committed;
using std::chrono::milliseconds;

constexpr milliseconds kOp{4};  // A wait is as long.

/// Clients of one engine, whose store takes kOp for each op.
class GatheringTest : public ::testing::Test {
 protected:
  void SetUp() override {
    driver_.request(1);
    driver_.tick();
    driver_.load();
    end_op();
  }

  void ask(int requests) {
    for (int i = 0; i < requests; ++i) driver_.request(1);
    driver_.tick();
  }
  bool op_is_out() const { return driver_.attempt.has_value(); }
  std::uint64_t op_size() const { return driver_.reserve().step; }
  void answer() {
    value_ += static_cast<std::int64_t>(op_size());
    driver_.answer(Committed{value_});
  }
  /// The op in flight ends kOp after it began.
  void end_op() {
    driver_.tick(kOp);
    answer();
  }
  /// Eight clients ask, and then wait for one another.
  void gather_eight() {
    ask(8);
    if (!op_is_out()) driver_.tick(kOp);
    end_op();
  }

  EngineDriver driver_;
  std::int64_t value_ = 0;
};

TEST_F(GatheringTest, WaitsUntilThoseJustAnsweredAreBack) {
  gather_eight();
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
  driver_.tick(kOp);
  ask(4);
  ask(4);  // While the op of the first four is out.
  end_op();
  EXPECT_FALSE(op_is_out());
  driver_.tick(milliseconds(1));
  ask(4);  // The first four are back.
  ASSERT_TRUE(op_is_out());
  EXPECT_EQ(op_size(), 8u);
}

TEST_F(GatheringTest, WaitsAsLongAsAnOpAtMost) {
  gather_eight();
  ask(3);
  EXPECT_EQ(driver_.engine().wake_at(), driver_.now() + kOp);
  driver_.tick(kOp);
  ASSERT_TRUE(op_is_out());
  EXPECT_EQ(op_size(), 3u);
}

TEST_F(GatheringTest, GivesUpAfterTwoWaitsInVainAndTriesAgainLater) {
  gather_eight();
  for (int back : {3, 2}) {
    ask(back);
    ASSERT_FALSE(op_is_out());
    driver_.tick(kOp);
    end_op();
  }
  ask(1);
  unsigned at_once = 0;
  for (; op_is_out() && at_once < 100; ++at_once) {
    ask(1);  // Waits for the next op, which is not kept waiting for the one before it.
    end_op();
  }
  EXPECT_EQ(at_once, Gathering::kShortestPause);
}

TEST_F(GatheringTest, RarelyWaitsForClientsThatComeAtRandom) {
  int ops = 0;
  int waits = 0;
  bool waiting = false;
  milliseconds left{0};
  // One a millisecond, for as long as 500 ops take.
  for (milliseconds time{0}; time < 500 * kOp; time += milliseconds(1)) {
    driver_.tick(milliseconds(1));
    if (left > milliseconds(0) && (left -= milliseconds(1)) == milliseconds(0)) {
      answer();
      waiting = false;
    }
    ask(1);
    if (!op_is_out()) waits += std::exchange(waiting, true) ? 0 : 1;
    if (op_is_out() && left == milliseconds(0)) {
      ++ops;
      left = kOp;
    }
  }
  EXPECT_GT(ops, 400);
  EXPECT_LT(waits, 40);
}

TEST_F(GatheringTest, NeverKeepsALoneClientWaiting) {
  for (int i = 0; i < 10; ++i) {
    ask(1);
    ASSERT_TRUE(op_is_out()) << i;
    end_op();
    driver_.tick(milliseconds(1));
  }
}

TEST_F(GatheringTest, DoesNotWaitAfterShortOps) {
  driver_.tick(kOp);
  ask(8);
  driver_.answer(Committed{value_ += 8});
  ask(1);
  EXPECT_TRUE(op_is_out());
}

TEST_F(GatheringTest, DoesNotWaitForClientsThatLeftLongAgo) {
  gather_eight();
  driver_.tick(kOp);
  ask(1);
  EXPECT_TRUE(op_is_out());
}

TEST_F(GatheringTest, HurriesWhenItCloses) {
  gather_eight();
  ask(3);
  EXPECT_FALSE(op_is_out());
  driver_.engine().close(driver_.now() + std::chrono::seconds(1));
  driver_.tick();
  EXPECT_TRUE(op_is_out());
}

}  // namespace
}  // namespace nextid::engine
