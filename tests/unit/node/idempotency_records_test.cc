// Keys of several scopes and quotas, and records that the store does not take, on a store that
// fails on demand.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "nextid/id_generator.h"
#include "nextid/store.h"

#include "answers.h"
#include "node/node.h"
#include "node/record_pace.h"
#include "node/request_key.h"
#include "store/memory/store.h"

namespace nextid::testing {
namespace {

using namespace std::chrono_literals;
using contract::Outcome;
using contract::Remember;

/// A store in memory that takes no records while it is told so.
class RecordlessStore final : public contract::StoreDriver {
 public:
  void fail_with(std::optional<Outcome> outcome) {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(outcome);
  }
  /// Remembers are kept from now on, until release().
  void hold() {
    const std::lock_guard lock(mutex_);
    is_holding_ = true;
  }
  void release() {
    std::vector<contract::Call> held;
    {
      const std::lock_guard lock(mutex_);
      is_holding_ = false;
      held.swap(held_);
    }
    memory_.submit(std::move(held));
  }
  void answer_held(const Outcome& outcome) {
    std::vector<contract::Call> held;
    {
      const std::lock_guard lock(mutex_);
      held.swap(held_);
    }
    for (contract::Call& call : held) call.done(outcome);
  }
  std::size_t held() {
    const std::lock_guard lock(mutex_);
    return held_.size();
  }
  int remembers() const { return remembers_; }
  /// Of those, the ones that were applied.
  int kept() const { return kept_; }

  void submit(std::vector<contract::Call> calls) override {
    std::vector<contract::Call> passed;
    std::vector<contract::Call> failed;
    std::optional<Outcome> failure;
    {
      const std::lock_guard lock(mutex_);
      failure = failure_;
      for (contract::Call& call : calls) {
        const bool is_remember = std::holds_alternative<Remember>(call.op);
        if (is_remember) ++remembers_;
        const bool fails = is_remember && !is_holding_ && failure;
        if (is_remember && !fails) ++kept_;
        auto& to = fails ? failed : is_remember && is_holding_ ? held_ : passed;
        to.push_back(std::move(call));
      }
    }
    memory_.submit(std::move(passed));
    for (contract::Call& call : failed) call.done(*failure);
  }
  void list(const contract::PageWanted& wanted,
            std::function<void(Result<CounterPage>)> done) override {
    memory_.list(wanted, std::move(done));
  }
  const StoreOpening& opening() const noexcept override { return memory_.opening(); }
  std::uint64_t commits() const noexcept override { return memory_.commits(); }

 private:
  store::MemoryStore memory_;
  std::mutex mutex_;
  std::optional<Outcome> failure_;
  bool is_holding_ = false;
  std::vector<contract::Call> held_;
  std::atomic<int> remembers_{0};
  std::atomic<int> kept_{0};
};

class Quota final : public node::KeyQuota {
 public:
  explicit Quota(int most) : left_(most) {}
  Result<void> take() override {
    const std::lock_guard lock(mutex_);
    if (left_ == 0) return Error(ErrorCode::kLimited, "no more.", 7s);
    --left_;
    return {};
  }
  void give_back() noexcept override {
    const std::lock_guard lock(mutex_);
    ++left_;
  }
  int left() {
    const std::lock_guard lock(mutex_);
    return left_;
  }

 private:
  std::mutex mutex_;
  int left_;
};

class IdempotencyRecordsTest : public ::testing::Test {
 protected:
  IdempotencyRecordsTest() { reopen({}); }
  ~IdempotencyRecordsTest() override {
    driver_->fail_with(std::nullopt);
    driver_->release();
  }

  void reopen(const StoreOptions& options) {
    driver_ = std::make_shared<RecordlessStore>();
    node_ = node::Node::create("test:", driver_, options);
    store_.emplace(node_);
    ids_.emplace(*store_, "c");
  }
  RequestId add(const node::RequestKey& key, std::uint64_t tag, std::chrono::milliseconds time = 5s,
                std::uint64_t count = 1) {
    Batch batch(*store_);
    const RequestId id = key.add_to(batch, *ids_, count, in(time), answers_, tag);
    batch.submit();
    return id;
  }
  Result<IdRange> ask(const node::RequestKey& key, std::chrono::milliseconds time = 5s,
                      std::uint64_t count = 1) {
    const std::uint64_t tag = ++tag_;
    add(key, tag, time, count);
    EXPECT_TRUE(answers_.wait_for(tag));
    return answers_.at(tag);
  }
  /// "key0", "key1", ...: requests that get an id each, whose record the store does not take, and
  /// whose clients are gone then.
  void leave(int count) {
    driver_->fail_with(contract::NotApplied{"denied"});
    for (int i = 0; i < count; ++i) EXPECT_TRUE(ids_->cancel(add({.text = key(i)}, 1'000'000)));
  }
  static std::string key(int i) { return "key" + std::to_string(i); }
  /// Until so many more attempts of parked records have failed.
  void wait_for_failures(int count) {
    EXPECT_TRUE(within(20s, [&] { return remembers_in(1s) <= 2; })) << "they are not parked";
    const int before = driver_->remembers();
    EXPECT_TRUE(within(60s, [&] { return driver_->remembers() >= before + count; }));
  }
  int remembers_in(std::chrono::milliseconds time) {
    const int before = driver_->remembers();
    std::this_thread::sleep_for(time);
    return driver_->remembers() - before;
  }
  static bool within(std::chrono::seconds limit, const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(5ms);
    }
    return true;
  }

  Answers answers_;
  std::uint64_t tag_ = 0;
  std::shared_ptr<RecordlessStore> driver_;
  std::shared_ptr<node::Node> node_;
  std::optional<Store> store_;
  std::optional<IdGenerator> ids_;
};

// --- Scopes

TEST_F(IdempotencyRecordsTest, EqualKeysOfTwoScopesAreTwo) {
  EXPECT_EQ(ask({.text = "key"}).value().start(), 1U);
  EXPECT_EQ(ask({.text = "key", .scope = "shop"}).value().start(), 2U);
  EXPECT_EQ(ask({.text = "key", .scope = "partner"}).value().start(), 3U);
  EXPECT_EQ(ask({.text = "key", .scope = "shop"}).value().start(), 2U);
  EXPECT_EQ(ids_->next_id("key").value(), 1U);
}

TEST_F(IdempotencyRecordsTest, EqualKeysOfTwoScopesDoNotJoin) {
  driver_->hold();
  add({.text = "key", .scope = "shop"}, 1);
  add({.text = "key", .scope = "partner"}, 2, 5s, 2);
  add({.text = "key", .scope = "shop"}, 3);
  EXPECT_TRUE(within(10s, [&] { return driver_->held() == 2; }));
  driver_->release();
  ASSERT_TRUE(answers_.wait_for(3));
  EXPECT_EQ(answers_.at(1).value(), IdRange(1, 1, 1));
  EXPECT_EQ(answers_.at(2).value(), IdRange(2, 2, 1)) << "another count is no conflict";
  EXPECT_EQ(answers_.at(3).value(), IdRange(1, 1, 1));
}

TEST_F(IdempotencyRecordsTest, AScopeThatIsNoneIsRefusedByTheStore) {
  const auto answer = ask({.text = "key", .scope = "a/b"}, 100ms);
  EXPECT_EQ(answer.error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(store_->accounting().reservations, 0U);
}

// --- Quotas

TEST_F(IdempotencyRecordsTest, ANewKeyAtTheQuotaIsRefusedAndReservesNothing) {
  const auto quota = std::make_shared<Quota>(2);
  const auto key = [&](const std::string& text) {
    return node::RequestKey{.text = text, .scope = "shop", .quota = quota};
  };
  EXPECT_EQ(ask(key("a")).value().start(), 1U);
  EXPECT_EQ(ask(key("b")).value().start(), 2U);
  const auto refused = ask(key("c"));
  EXPECT_EQ(refused.error().code(), ErrorCode::kLimited);
  EXPECT_EQ(refused.error().retry_after(), 7s);
  EXPECT_EQ(ask(key("a")).value().start(), 1U) << "a known key is answered";
  EXPECT_EQ(ask(key("b")).value().start(), 2U);
  EXPECT_EQ(ask({.text = "c"}).value().start(), 3U) << "nobody else is refused";
  quota->give_back();
  EXPECT_EQ(ask(key("c")).value().start(), 4U);
  EXPECT_EQ(store_->accounting().burned_total(), 0U);
}

TEST_F(IdempotencyRecordsTest, AKeyThatGetsNoIdsIsNotCounted) {
  const auto quota = std::make_shared<Quota>(5);
  store_->define("c", {.max = 3}).value();
  const node::RequestKey key{.text = "a", .quota = quota};
  EXPECT_EQ(ask(key, 5s, 4).error().code(), ErrorCode::kExhausted);
  EXPECT_EQ(quota->left(), 5);
  EXPECT_TRUE(ask(key, 5s, 3));
  EXPECT_EQ(quota->left(), 4);
  EXPECT_TRUE(ask(key, 5s, 3));
  EXPECT_EQ(quota->left(), 4);
}

// --- Records that are not written

TEST_F(IdempotencyRecordsTest, ARequestThatNobodyWaitsForReservesNothing) {
  Batch batch(*store_);
  const node::RequestKey key{.text = "key"};
  const RequestId id = key.add_to(batch, *ids_, 1, in(5s), answers_, 1);
  EXPECT_TRUE(ids_->cancel(id));
  batch.submit();
  EXPECT_EQ(store_->accounting().reservations, 0U);
  EXPECT_EQ(ask(key).value().start(), 1U);
}

TEST_F(IdempotencyRecordsTest, RecordsThatNobodyWaitsForAreTriedOneAtATime) {
  leave(100);
  EXPECT_TRUE(within(20s, [&] { return remembers_in(1s) <= 2; }));
  EXPECT_LE(remembers_in(3s), 4);
  wait_for_failures(3);  // Now the pause is 4 s at least.
  EXPECT_LE(remembers_in(3s), 1);
}

TEST_F(IdempotencyRecordsTest, AllAreWrittenOnceTheStoreTakesOne) {
  leave(100);
  wait_for_failures(2);  // So that the next pause is seconds long.
  driver_->fail_with(std::nullopt);
  EXPECT_EQ(ask({.text = "another"}).value().start(), 101U);
  EXPECT_TRUE(within(2s, [&] { return driver_->kept() == 101; })) << driver_->kept();
  for (std::uint64_t i = 0; i < 100; ++i) {
    EXPECT_EQ(ids_->next_id("key" + std::to_string(i)).value(), i + 1);
  }
  EXPECT_EQ(store_->accounting().burned_total(), 0U);
}

TEST_F(IdempotencyRecordsTest, HealsByItself) {
  leave(30);
  wait_for_failures(1);
  driver_->fail_with(std::nullopt);
  EXPECT_TRUE(within(60s, [&] { return driver_->kept() == 30; }));
  EXPECT_EQ(ids_->next_id("key7").value(), 8U);
  EXPECT_EQ(ids_->next_id().value(), 31U);
}

TEST_F(IdempotencyRecordsTest, WhoAsksAgainWaitsForNoPause) {
  leave(3);
  wait_for_failures(2);
  add({.text = "key2"}, 1);
  EXPECT_GE(remembers_in(1500ms), 3);
  driver_->fail_with(std::nullopt);
  ASSERT_TRUE(answers_.wait_for(1));
  EXPECT_EQ(answers_.at(1).value(), IdRange(3, 1, 1));
}

TEST_F(IdempotencyRecordsTest, TheIdsAreBurnedWhenTheTimeOfTheRecordIsOver) {
  reopen({.idempotency_retention = 1s});
  leave(2);
  const auto burned = [&] { return store_->accounting().burned_by(BurnReason::kIdempotency); };
  EXPECT_TRUE(within(20s, [&] { return burned() == 2; }));
  EXPECT_EQ(store_->accounting().returned, 0U);
  driver_->fail_with(std::nullopt);
  EXPECT_EQ(ids_->next_id("key0").value(), 3U);
}

TEST_F(IdempotencyRecordsTest, ClosingIsHeldUpByNoPauseAndAccountsForAll) {
  leave(3);
  wait_for_failures(2);
  const auto began = std::chrono::steady_clock::now();
  EXPECT_FALSE(store_->close(500ms));
  const auto burned = [&] { return store_->accounting().burned_by(BurnReason::kIdempotency); };
  EXPECT_TRUE(within(20s, [&] { return burned() == 3; }));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);
}

TEST_F(IdempotencyRecordsTest, ClosingWritesWhatIsParkedWhereTheStoreTakesItAgain) {
  leave(3);
  wait_for_failures(2);
  driver_->fail_with(std::nullopt);
  EXPECT_TRUE(store_->close(3s));
  EXPECT_EQ(driver_->kept(), 3);
  EXPECT_EQ(store_->accounting().burned_total(), 0U);
}

TEST_F(IdempotencyRecordsTest, IdsWhoseRecordIsOverBeforeItIsKeptAreBurnedUnlessSomebodyWaits) {
  driver_->fail_with(contract::Remembered{});
  EXPECT_EQ(ask({.text = "a"}).value().start(), 1U);
  EXPECT_EQ(store_->accounting().burned_total(), 0U);
  driver_->fail_with(std::nullopt);
  driver_->hold();
  const RequestId gone = add({.text = "b"}, 1'000'000, 5s, 4);
  EXPECT_TRUE(within(10s, [&] { return driver_->held() == 1; }));
  EXPECT_TRUE(ids_->cancel(gone));
  driver_->answer_held(contract::Remembered{});
  EXPECT_EQ(store_->accounting().burned_by(BurnReason::kIdempotency), 4U);
}

TEST_F(IdempotencyRecordsTest, NewKeysAreRefusedWhereTooManyRecordsAreNotWritten) {
  ASSERT_EQ(ask({.text = "known"}).value().start(), 1U);
  std::vector<node::Runtime::Hold> holds;
  for (std::uint64_t i = 0; i < node::Runtime::kMostSettlingKeys; ++i) {
    auto hold = node_->runtime().hold_settling();
    ASSERT_TRUE(hold) << i;
    holds.push_back(*std::move(hold));
  }
  EXPECT_EQ(ask({.text = "new"}).error().code(), ErrorCode::kOverloaded);
  EXPECT_EQ(store_->counter("c")->value, 1U) << "nothing was reserved for it";
  EXPECT_EQ(ask({.text = "known"}).value().start(), 1U);
  EXPECT_EQ(ids_->next_id().value(), 2U) << "requests without a key are served";
  holds.pop_back();
  EXPECT_EQ(ask({.text = "new"}).value().start(), 3U);
  EXPECT_EQ(ask({.text = "newer"}).value().start(), 4U) << "what is written holds nothing";
}

// --- The pace

TEST(RecordPaceTest, PausesDoubleUpToTheLongest) {
  node::RecordPace pace;
  std::vector<std::int64_t> pauses_ms;
  for (int i = 0; i < 8; ++i) {
    pauses_ms.push_back(pace.pause(0).count());
    pace.failed();
  }
  EXPECT_EQ(pauses_ms,
            (std::vector<std::int64_t>{1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000}));
  pace.succeeded();
  EXPECT_EQ(pace.pause(0), 1s);
}

TEST(RecordPaceTest, PausesAreShortenedByHalfAtMost) {
  const node::RecordPace pace;
  for (std::uint64_t chance = 0; chance < 10'000; ++chance) {
    EXPECT_GE(pace.pause(chance), 500ms);
    EXPECT_LE(pace.pause(chance), 1000ms);
  }
  EXPECT_EQ(pace.pause(500), 500ms);
  EXPECT_EQ(pace.pause(~std::uint64_t{0}).count(), 1000 - (~std::uint64_t{0} % 501));
}

}  // namespace
}  // namespace nextid::testing
