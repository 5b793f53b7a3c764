// What goes from one engine of a counter to the next, and what stays when the counter itself is
// forgotten. The test plays the owner and the store.
#include "node/succession.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace nextid::node {
namespace {

using contract::Committed;
using contract::Found;
using std::chrono::seconds;

class SuccessionTest : public ::testing::Test {
 protected:
  SuccessionTest() { forget(); }

  /// As the node does: the next Succession knows what the HighWaters know.
  void forget() { counter_ = std::make_unique<Succession>("orders", rules_, high_waters_, now_); }

  void ask(std::uint64_t count = 1) {
    engine::Engine* engine = counter_->engine();
    if (engine == nullptr) engine = &counter_->begin(++last_writer_, 1);
    engine->request(nullptr, 0, count, now_ + seconds(5));
    tick();
  }

  void tick() {
    effects_ = counter_->tick(now_, 1'000'000);
    if (effects_.attempt) attempt_ = effects_.attempt;
  }

  void answer(const contract::Outcome& outcome) {
    counter_->engine()->outcome(attempt_.value().number, outcome);
    tick();
  }

  static Found found(std::int64_t value) { return {{value, Definition{}, 0, std::nullopt}}; }

  /// Ids up to `value` are issued, and the engine comes to rest.
  void issue_up_to(std::int64_t value) {
    ask(static_cast<std::uint64_t>(value));
    answer(found(0));
    answer(Committed{value});
    ASSERT_EQ(effects_.grants.size(), 1U);
    rest();
    answer(Committed{value});
    ASSERT_EQ(counter_->engine(), nullptr);
  }

  void rest() {
    ASSERT_TRUE(counter_->idle_since(now_, now_));
    EXPECT_FALSE(counter_->rest(now_ + seconds(5)));
    tick();
  }

  /// The refusal of the request that was just decided.
  std::string refusal() const {
    return effects_.refusals.empty() ? "none" : effects_.refusals[0].error.what();
  }

  const engine::Rules rules_{.store_url = "sqlite:ids.db"};
  HighWaters high_waters_;
  base::MonotonicTime now_{std::chrono::hours(1)};
  std::unique_ptr<Succession> counter_;
  engine::Effects effects_;
  std::optional<engine::Attempt> attempt_;
  contract::WriterId last_writer_ = 100;
};

TEST_F(SuccessionTest, TheNextEngineGoesOn) {
  issue_up_to(30);
  EXPECT_EQ(counter_->last_value(), 30);
  EXPECT_EQ(counter_->issued(), 30);
  ASSERT_NE(counter_->definition(), nullptr);
  EXPECT_TRUE(counter_->rest({})) << "it has nothing left";
  ask();
  answer(found(30));
  answer(Committed{31});
  ASSERT_EQ(effects_.grants.size(), 1U);
  EXPECT_EQ(effects_.grants[0].range.start(), 31U);
  EXPECT_EQ(counter_->accounting().returned, 31U);
}

TEST_F(SuccessionTest, AStoreThatWasSetBackWhileItRestedStopsIt) {
  issue_up_to(30);
  ask();
  answer(found(10));
  EXPECT_NE(refusal().find("is 10, and this node has issued ids up to 30"), std::string::npos)
      << refusal();
}

TEST_F(SuccessionTest, AStoreThatWasSetBackAfterItWasForgottenStopsIt) {
  issue_up_to(30);
  forget();
  EXPECT_EQ(counter_->accounting().returned, 0U);
  ask();
  answer(found(10));
  EXPECT_NE(refusal().find("is 10, and this node has issued ids up to 30"), std::string::npos)
      << refusal();
}

TEST_F(SuccessionTest, ACounterThatVanishedAfterItWasForgottenIsNotMadeAnew) {
  issue_up_to(30);
  forget();
  ask();
  answer(contract::Missing{});
  EXPECT_NE(refusal().find("it has vanished from the store"), std::string::npos) << refusal();
  EXPECT_NE(refusal().find("up to 30"), std::string::npos) << refusal();
}

TEST_F(SuccessionTest, OneThatHasStoppedStaysSoWhenItRestsAndIsForgotten) {
  issue_up_to(30);
  ask();
  answer(found(10));
  const std::string why = refusal();
  rest();
  EXPECT_EQ(counter_->engine(), nullptr) << "its sentence is all that is kept";
  ask();
  EXPECT_EQ(refusal(), why);
  EXPECT_FALSE(effects_.attempt);
  forget();
  ask();
  EXPECT_EQ(refusal(), why) << "whatever the store's value is by now";
  EXPECT_FALSE(effects_.attempt);
  EXPECT_EQ(high_waters_.stopped_counters(), 1U);
}

TEST_F(SuccessionTest, WhatIsKnownElsewhereCountsFromTheFirstEngineOn) {
  high_waters_.note("orders", 40);
  ask();
  answer(found(39));
  EXPECT_NE(refusal().find("is 39, and this node has issued ids up to 40"), std::string::npos)
      << refusal();
}

TEST_F(SuccessionTest, OneThatStoppedBeforeItsProcessStartedRefuses) {
  high_waters_.stop("orders", "it has stopped.");
  ask();
  EXPECT_EQ(refusal(), "it has stopped.");
  EXPECT_FALSE(effects_.attempt);
}

TEST_F(SuccessionTest, AStopOnTheWayToItsCloseIsKept) {
  issue_up_to(30);
  ask();
  EXPECT_FALSE(counter_->close(now_ + seconds(5)));
  answer(found(10));
  ASSERT_NE(counter_->engine(), nullptr);
  EXPECT_TRUE(counter_->engine()->closed());
  EXPECT_EQ(high_waters_.stopped_counters(), 1U);
}

TEST_F(SuccessionTest, AnEngineThatIsMadeAfterTheCloseRefuses) {
  EXPECT_TRUE(counter_->close(now_ + seconds(5)));
  ask();
  ASSERT_EQ(effects_.refusals.size(), 1U);
  EXPECT_EQ(effects_.refusals[0].error.code(), ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace nextid::node
