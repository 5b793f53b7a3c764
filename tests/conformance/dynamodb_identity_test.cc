// When a look at the table is needed, and what follows from it: with looks and a clock of the
// test's own.
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "store/dynamodb/identity.h"

namespace nextid::store {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Answer = DynamodbIdentity::Answer;
using Need = DynamodbIdentity::Need;
using Look = TableLook::Kind;

class DynamodbIdentityTest : public testing::Test {
 protected:
  DynamodbIdentityTest() {
    DynamodbIdentity::Means means;
    means.look = [this](std::function<void(TableLook)> done) { looks_.push_back(std::move(done)); };
    means.after = [this](milliseconds delay, std::function<void()> then) {
      if (stopped_) return false;
      timers_.emplace_back(now_ + delay, std::move(then));
      return true;
    };
    means.now = [this] { return now_; };
    means.on_doubt = [this](const std::string& why) { doubts_.push_back(why); };
    identity_ = std::make_shared<DynamodbIdentity>(
        DynamodbIdentity::Names{"A", "table 't' in r", "dynamodb://t"}, std::move(means));
  }

  /// Time passes, and timers call back.
  void pass(std::chrono::nanoseconds time) {
    now_ += time;
    for (std::size_t i = 0; i < timers_.size();) {
      if (timers_[i].first > now_) {
        ++i;
        continue;
      }
      const auto then = std::move(timers_[i].second);
      timers_.erase(timers_.begin() + static_cast<std::ptrdiff_t>(i));
      then();
    }
  }
  /// Time passes while this process does nothing.
  void sleep(std::chrono::nanoseconds time) { now_ += time; }

  std::size_t looks() const { return looks_.size(); }
  void show(TableLook look) {
    ASSERT_FALSE(looks_.empty()) << "no look is under way";
    const auto done = std::move(looks_.front());
    looks_.pop_front();
    done(std::move(look));
  }
  void show_table(const std::string& id = "A") { show({.kind = Look::kSeen, .id = id}); }
  void fail() { show({.kind = Look::kFailed, .why = "throttled"}); }
  void hear(aws::DynamodbReply::Kind kind,
            std::optional<DynamodbIdentity::ServiceTime> date = std::nullopt) {
    aws::DynamodbReply reply;
    reply.kind = kind;
    reply.date = date;
    identity_->heard(reply);
  }

  /// Where the answer of a question will be.
  std::shared_ptr<std::optional<Answer>> ask(const Need& need) {
    auto place = std::make_shared<std::optional<Answer>>();
    identity_->ask(need, [place](Answer answer) {
      EXPECT_FALSE(place->has_value()) << "answered twice";
      *place = std::move(answer);
    });
    return place;
  }
  static std::string text(const std::optional<Answer>& answer) {
    if (!answer) return "waits";
    switch (answer->kind) {
      case Answer::Kind::kSame:
        return "same";
      case Answer::Kind::kUnknown:
        return "unknown";
      case Answer::Kind::kOther:
        return "other";
    }
    return "";
  }

  DynamodbIdentity::Time now_{seconds(1'000)};
  bool stopped_ = false;
  std::deque<std::function<void(TableLook)>> looks_;
  std::vector<std::pair<DynamodbIdentity::Time, std::function<void()>>> timers_;
  std::vector<std::string> doubts_;
  std::shared_ptr<DynamodbIdentity> identity_;
};

TEST_F(DynamodbIdentityTest, TakesARecentLook) {
  pass(DynamodbIdentity::kRecently);
  EXPECT_EQ(text(*ask(identity_->recent())), "same");
  EXPECT_EQ(looks(), 0u);
  pass(milliseconds(1));
  const auto waits = ask(identity_->recent());
  EXPECT_EQ(text(*waits), "waits");
  ASSERT_EQ(looks(), 1u);
  show_table();
  EXPECT_EQ(text(*waits), "same");
  EXPECT_EQ(text(*ask(identity_->recent())), "same");
}

TEST_F(DynamodbIdentityTest, WantsALookThatBeginsAfterTheQuestion) {
  const auto first = ask(identity_->from_now());
  const auto late = ask(identity_->from_now());
  ASSERT_EQ(looks(), 1u) << "one at a time";
  show_table();
  EXPECT_EQ(text(*first), "same");
  EXPECT_EQ(text(*late), "waits") << "that look began before it was asked";
  pass(DynamodbIdentity::kPause);
  const auto with_late = ask(identity_->from_now());
  ASSERT_EQ(looks(), 1u);
  show_table();
  EXPECT_EQ(text(*late), "same");
  EXPECT_EQ(text(*with_late), "waits");
}

TEST_F(DynamodbIdentityTest, SharesALookAndPausesBetweenLooks) {
  ask(identity_->from_now());
  std::vector<std::shared_ptr<std::optional<Answer>>> crowd;
  for (int i = 0; i < 100; ++i) crowd.push_back(ask(identity_->from_now()));
  show_table();
  EXPECT_EQ(looks(), 0u);
  pass(DynamodbIdentity::kPause - milliseconds(1));
  EXPECT_EQ(looks(), 0u);
  pass(milliseconds(1));
  ASSERT_EQ(looks(), 1u);
  show_table();
  for (const auto& each : crowd) EXPECT_EQ(text(*each), "same");
}

TEST_F(DynamodbIdentityTest, LooksEveryFiveSecondsUnasked) {
  identity_->watch();
  int count = 0;
  for (int second = 0; second < 60; ++second) {
    pass(seconds(1));
    if (looks() == 0) continue;
    ++count;
    show_table();
  }
  EXPECT_GE(count, 12);
  EXPECT_LE(count, 15);
}

TEST_F(DynamodbIdentityTest, AnotherTableIsTheEnd) {
  const auto waits = ask(identity_->from_now());
  const auto later = ask(identity_->from_now());
  show_table("B");
  EXPECT_EQ(text(*waits), "other");
  ASSERT_EQ(doubts_.size(), 1u);
  for (const char* part : {"table 't' in r", "TableId is B", "was A",
                           "nextid recover --all --store 'dynamodb://t'", "start again"}) {
    EXPECT_NE(doubts_[0].find(part), std::string::npos) << part << "\n" << doubts_[0];
  }
  EXPECT_EQ(identity_->doubt(), doubts_[0]);
  EXPECT_EQ((*waits)->why, doubts_[0]);
  EXPECT_EQ(text(*ask(identity_->recent())), "other");
  pass(DynamodbIdentity::kPause);
  if (looks() > 0) show_table("A");
  EXPECT_EQ(text(*later), "other") << "for good, whatever is seen later";
  EXPECT_EQ(text(*ask(identity_->recent())), "other");
  EXPECT_EQ(doubts_.size(), 1u) << "told once";
}

TEST_F(DynamodbIdentityTest, SeesAnotherTableUnasked) {
  identity_->watch();
  for (int second = 0; second < 5 && looks() == 0; ++second) pass(seconds(1));
  show_table("B");
  EXPECT_EQ(doubts_.size(), 1u);
  pass(seconds(60));
  EXPECT_EQ(looks(), 0u) << "nothing more is to be learnt";
}

TEST_F(DynamodbIdentityTest, SleepCountsAsTimeUnseen) {
  sleep(seconds(3'600));
  const auto waits = ask(identity_->recent());
  EXPECT_EQ(text(*waits), "waits");
  show_table("B");
  EXPECT_EQ(text(*waits), "other");
}

TEST_F(DynamodbIdentityTest, TakesNoLookThatBeganBeforeALongSleep) {
  ask(identity_->from_now());
  sleep(seconds(3'600));
  const auto waits = ask(identity_->recent());
  show_table("A");
  EXPECT_EQ(text(*waits), "waits") << "what was seen is an hour old";
  pass(DynamodbIdentity::kPause);
  show_table("B");
  EXPECT_EQ(text(*waits), "other");
}

TEST_F(DynamodbIdentityTest, HeedsTheServicesClockWhereItsOwnStoodStill) {
  const DynamodbIdentity::ServiceTime noon{seconds(1'800'000'000)};
  ask(identity_->from_now());
  show({.kind = Look::kSeen, .id = "A", .date = noon});
  hear(aws::DynamodbReply::Kind::kDone, noon + seconds(10));
  EXPECT_EQ(text(*ask(identity_->recent())), "same");
  hear(aws::DynamodbReply::Kind::kDone, noon + seconds(11));
  EXPECT_EQ(text(*ask(identity_->recent())), "waits");
}

TEST_F(DynamodbIdentityTest, GivesIdsForAWhileWhenLooksFail) {
  identity_->watch();
  seconds passed{0};
  while (passed < DynamodbIdentity::kLongestUnseen) {
    EXPECT_EQ(text(identity_->known(identity_->recent())), "same") << passed.count();
    pass(seconds(1));
    passed += seconds(1);
    if (looks() > 0) fail();
  }
  pass(seconds(1));
  if (looks() > 0) fail();
  const auto refused = ask(identity_->recent());
  EXPECT_EQ(text(*refused), "waits");
  pass(DynamodbIdentity::kPause);
  fail();
  ASSERT_EQ(text(*refused), "unknown");
  EXPECT_NE((*refused)->why.find("throttled"), std::string::npos) << (*refused)->why;
  const auto rides = ask(identity_->recent());
  pass(DynamodbIdentity::kPause);
  show_table();
  EXPECT_EQ(text(*rides), "same");
  EXPECT_EQ(text(identity_->known(identity_->recent())), "same") << "it passed";
}

TEST_F(DynamodbIdentityTest, GivesNoNewCounterWhenALookFails) {
  const auto waits = ask(identity_->from_now());
  fail();
  EXPECT_EQ(text(*waits), "unknown");
}

TEST_F(DynamodbIdentityTest, AfterALongSleepOneFailedLookWillNotDo) {
  sleep(DynamodbIdentity::kLongestUnseen + seconds(1));
  const auto waits = ask(identity_->recent());
  fail();
  EXPECT_EQ(text(*waits), "unknown");
}

TEST_F(DynamodbIdentityTest, IsCarefulAfterATableWasMissing) {
  hear(aws::DynamodbReply::Kind::kTableMissing);
  const auto first = ask(identity_->recent());
  EXPECT_EQ(text(*first), "waits");
  show_table();
  EXPECT_EQ(text(*first), "same");
  pass(seconds(1));
  const auto second = ask(identity_->recent());
  EXPECT_EQ(text(*second), "waits") << "still careful";
  fail();
  EXPECT_EQ(text(*second), "unknown") << "no benefit of the doubt";
  sleep(DynamodbIdentity::kCarefulFor);
  ask(identity_->recent());
  show_table();
  EXPECT_EQ(text(*ask(identity_->recent())), "same");
}

TEST_F(DynamodbIdentityTest, IsCarefulWhileTheTableIsBeingDeleted) {
  const auto first = ask(identity_->from_now());
  show({.kind = Look::kGoing, .id = "A"});
  EXPECT_EQ(text(*first), "same") << "it is the same still";
  EXPECT_EQ(text(*ask(identity_->recent())), "waits");
}

TEST_F(DynamodbIdentityTest, LooksOftenWhileItIsInTrouble) {
  identity_->watch();
  hear(aws::DynamodbReply::Kind::kTableMissing);
  for (int second = 0; second < 5; ++second) {
    pass(seconds(1));
    ASSERT_EQ(looks(), 1u) << second;
    show({.kind = Look::kMissing, .why = "there is no table"});
  }
}

TEST_F(DynamodbIdentityTest, PreparesOnlyWhatWillBeNeeded) {
  identity_->prepare(identity_->recent());
  EXPECT_EQ(looks(), 0u);
  sleep(seconds(11));
  identity_->prepare(identity_->recent());
  identity_->prepare(identity_->recent());
  ASSERT_EQ(looks(), 1u);
  const auto rides = ask(identity_->recent());
  EXPECT_EQ(text(*rides), "waits");
  show_table();
  EXPECT_EQ(text(*rides), "same") << "the look was made beside the request";
  EXPECT_EQ(looks(), 0u);
}

TEST_F(DynamodbIdentityTest, ALookBesideAWriteIsAsGoodHoweverLongTheWriteTakes) {
  pass(milliseconds(101));
  const Need need = identity_->beside();
  identity_->prepare(need);
  ASSERT_EQ(looks(), 1u);
  show_table();
  pass(seconds(3));
  EXPECT_EQ(text(*ask(need)), "same");
  EXPECT_EQ(text(*ask(identity_->beside())), "waits") << "another write, three seconds later";
}

TEST_F(DynamodbIdentityTest, AnswersAllWhenTheClientHasStopped) {
  const auto first = ask(identity_->from_now());
  const auto second = ask(identity_->from_now());
  stopped_ = true;
  fail();
  ASSERT_EQ(looks(), 1u) << "without the pause, which nobody would end";
  fail();
  EXPECT_EQ(text(*first), "unknown");
  EXPECT_EQ(text(*second), "unknown");
}

}  // namespace
}  // namespace nextid::store
