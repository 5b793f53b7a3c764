// What writes came to, and what follows from it.
#include "node/write_record.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

namespace nextid::node {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class WriteRecordTest : public ::testing::Test {
 protected:
  void wait(milliseconds time) { now_ += time; }
  void succeed() { record_.succeeded(now_); }
  void fail(const std::string& why = "the disk is full") { record_.failed(why, now_); }
  void try_once(bool succeeded, const std::string& why = "the disk is full") {
    record_.trial_began(now_);
    record_.trial_ended(succeeded, succeeded ? "" : why, now_);
  }
  bool may_try() const { return !record_.is_fresh(now_) && now_ >= record_.next_trial(); }
  std::string trouble() const { return record_.trouble(now_); }

  base::MonotonicTime now_{std::chrono::hours(1)};
  WriteRecord record_;
};

TEST_F(WriteRecordTest, KnowsNothingAtFirst) {
  EXPECT_EQ(trouble(), "");
  EXPECT_FALSE(record_.is_fresh(now_));
  EXPECT_TRUE(may_try());
}

TEST_F(WriteRecordTest, NeedsNoTrialForAWhileAfterASuccess) {
  succeed();
  wait(milliseconds(4999));
  EXPECT_FALSE(may_try());
  wait(milliseconds(1));
  EXPECT_TRUE(may_try());
}

TEST_F(WriteRecordTest, IsInTroubleAtOnceWhereNoWriteEverSucceeded) {
  try_once(false);
  EXPECT_EQ(trouble(), "the store takes no writes: the disk is full");
  try_once(true);
  EXPECT_EQ(trouble(), "");
}

TEST_F(WriteRecordTest, PassesOverAFailureByChance) {
  succeed();
  for (int i = 0; i < 20; ++i) {
    wait(seconds(6));
    try_once(false);
    EXPECT_EQ(trouble(), "") << i;
    EXPECT_TRUE(record_.is_unsure(now_));
    wait(seconds(1));
    EXPECT_TRUE(may_try());
    try_once(true);
    EXPECT_EQ(trouble(), "") << i;
    EXPECT_FALSE(record_.is_unsure(now_));
  }
}

TEST_F(WriteRecordTest, IsInTroubleWhenTrialsFailForASecond) {
  succeed();
  wait(seconds(6));
  try_once(false, "no");
  wait(seconds(1));
  try_once(false, "still no");
  EXPECT_EQ(trouble(), "the store takes no writes: still no");
  wait(std::chrono::hours(10));
  EXPECT_NE(trouble(), "") << "nothing has shown that it is over";
  succeed();
  EXPECT_EQ(trouble(), "");
}

TEST_F(WriteRecordTest, IsNotInTroubleByRealWritesAlone) {
  succeed();
  for (int i = 0; i < 100; ++i) {
    wait(milliseconds(100));
    fail();
    EXPECT_EQ(trouble(), "") << "it may be this counter's own";
  }
  try_once(false);
  EXPECT_NE(trouble(), "");
}

TEST_F(WriteRecordTest, TakesRealFailuresForTheBeginning) {
  succeed();
  wait(milliseconds(10));
  fail();
  wait(milliseconds(1500));
  EXPECT_TRUE(may_try()) << "a failure makes the success before it old";
  try_once(false);
  EXPECT_NE(trouble(), "");
}

TEST_F(WriteRecordTest, IsNotInTroubleByThrottling) {
  try_once(false, "");
  EXPECT_EQ(trouble(), "");
  EXPECT_FALSE(may_try());
  wait(seconds(5));
  EXPECT_TRUE(may_try());
  try_once(false);
  try_once(false, "");
  EXPECT_NE(trouble(), "") << "throttling shows nothing";
}

TEST_F(WriteRecordTest, TakesASuccessThatIsToldLate) {
  succeed();
  const auto before = now_;
  wait(milliseconds(10));
  fail();
  record_.succeeded(before);
  EXPECT_FALSE(record_.is_fresh(now_)) << "it was before the failure";
  record_.succeeded(now_);
  EXPECT_TRUE(record_.is_fresh(now_));
}

TEST_F(WriteRecordTest, TriesOnceASecondWhileWritesFail) {
  try_once(false);
  wait(milliseconds(999));
  EXPECT_FALSE(may_try());
  wait(milliseconds(1));
  EXPECT_TRUE(may_try());
}

TEST_F(WriteRecordTest, IsInTroubleByATrialWithoutAnswer) {
  succeed();
  wait(seconds(6));
  record_.trial_began(now_);
  wait(milliseconds(2999));
  EXPECT_EQ(trouble(), "");
  wait(milliseconds(1));
  EXPECT_EQ(trouble(),
            "the store has not answered a write for 3 seconds; look at its disk or its network");
  succeed();
  EXPECT_EQ(trouble(), "") << "others are answered";
}

TEST_F(WriteRecordTest, IsInTroubleSoonerByAFirstTrialWithoutAnswer) {
  record_.trial_began(now_);
  wait(milliseconds(499));
  EXPECT_EQ(trouble(), "");
  wait(milliseconds(1));
  EXPECT_EQ(trouble(), "the store has not answered a first write yet");
}

}  // namespace
}  // namespace nextid::node
