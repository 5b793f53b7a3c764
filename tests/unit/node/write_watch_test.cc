// Whether ids can be given, asked of a node on a store that fails on demand.
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
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

#include "node/node.h"
#include "store/memory/store.h"

namespace nextid::testing {
namespace {

using namespace std::chrono_literals;
using contract::Outcome;
using contract::TryWrite;

/// A store in memory, of which a test decides what becomes of its writes.
class FailingStore final : public contract::StoreDriver {
 public:
  /// What all ops but reads come to; nothing, and they are done.
  void fail_with(std::optional<Outcome> outcome) {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(outcome);
  }
  /// Trials get no answer until release().
  void hold() { is_holding_ = true; }
  void release() {
    is_holding_ = false;
    std::vector<contract::Call> held;
    {
      const std::lock_guard lock(mutex_);
      held.swap(held_);
    }
    memory_.submit(std::move(held));
  }
  int trials() const { return trials_; }

  void submit(std::vector<contract::Call> calls) override {
    for (contract::Call& call : calls) {
      const bool is_trial = std::holds_alternative<TryWrite>(call.op);
      if (is_trial) ++trials_;
      std::optional<Outcome> failure;
      {
        const std::lock_guard lock(mutex_);
        if (is_trial && is_holding_) {
          held_.push_back(std::move(call));
          continue;
        }
        if (!std::holds_alternative<contract::Load>(call.op)) failure = failure_;
      }
      if (failure) {
        call.done(*failure);
      } else {
        memory_.submit({std::move(call)});
      }
    }
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
  std::vector<contract::Call> held_;
  std::atomic<bool> is_holding_{false};
  std::atomic<int> trials_{0};
};

class WriteWatchTest : public ::testing::Test {
 protected:
  ~WriteWatchTest() override { driver_->release(); }

  static Result<void> check(const Store& store) {
    auto promise = std::make_shared<std::promise<Result<void>>>();
    store.async_check_writes(
        [promise](Result<void> answer) { promise->set_value(std::move(answer)); });
    return promise->get_future().get();
  }
  Result<void> check() const { return check(store_); }
  static StoreOptions options() {
    StoreOptions options;
    options.request_timeout = 100ms;
    return options;
  }
  static bool within(std::chrono::seconds limit, const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(5ms);
    }
    return true;
  }

  std::shared_ptr<FailingStore> driver_ = std::make_shared<FailingStore>();
  Store store_{node::Node::create("test:", driver_, options())};
};

TEST_F(WriteWatchTest, TriesOnceAndThenKnows) {
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(check());
  EXPECT_EQ(driver_->trials(), 1);
}

TEST_F(WriteWatchTest, TriesNothingWhileIdsAreGiven) {
  IdGenerator(store_, "orders").next_id().value();
  EXPECT_TRUE(check());
  EXPECT_EQ(driver_->trials(), 0);
}

TEST_F(WriteWatchTest, TellsAtOnceOfAStoreThatNeverWorked) {
  driver_->fail_with(contract::NotApplied{"access is denied"});
  const auto refused = check();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(refused.error().what(), std::string("the store takes no writes: access is denied."));
  EXPECT_EQ(store_.activity(1).write_trouble, "the store takes no writes: access is denied");
}

TEST_F(WriteWatchTest, FindsThatAStoreFailsAndThatItWorksAgain) {
  IdGenerator(store_, "orders").next_id().value();
  driver_->fail_with(contract::InDoubt{"the disk is full"});
  EXPECT_TRUE(check()) << "nothing has failed yet";
  EXPECT_FALSE(IdGenerator(store_, "orders").next_id());
  EXPECT_TRUE(within(20s, [&] { return !check(); }));
  EXPECT_EQ(store_.activity(1).write_trouble, "the store takes no writes: the disk is full");
  driver_->fail_with(std::nullopt);
  EXPECT_TRUE(within(20s, [&] { return check().has_value(); }));
  EXPECT_EQ(store_.activity(1).write_trouble, "");
}

TEST_F(WriteWatchTest, TakesAnIdForTheEndOfTheTrouble) {
  driver_->fail_with(contract::NotApplied{"no"});
  EXPECT_FALSE(check());
  driver_->fail_with(std::nullopt);
  IdGenerator(store_, "orders").next_id().value();
  EXPECT_TRUE(check());
  EXPECT_EQ(driver_->trials(), 1);
}

TEST_F(WriteWatchTest, TakesThrottlingForNoTrouble) {
  driver_->fail_with(contract::NotApplied{"slow down", true});
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(check());
  EXPECT_EQ(driver_->trials(), 1);
}

TEST_F(WriteWatchTest, AnswersSoonWhileATrialGetsNoAnswer) {
  IdGenerator(store_, "orders").next_id().value();
  driver_->hold();
  ASSERT_TRUE(within(20s, [&] { return check() && driver_->trials() == 1; }));
  EXPECT_TRUE(within(20s, [&] { return !check(); })) << "the silence lasts";
  EXPECT_EQ(driver_->trials(), 1) << "one at a time";
  driver_->release();
  EXPECT_TRUE(within(20s, [&] { return check().has_value(); }));
}

TEST_F(WriteWatchTest, IsNotReadyBeforeTheFirstAnswer) {
  driver_->hold();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(check().error().what(), std::string("the store has not answered a first write yet."));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 400ms);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  driver_->release();
  EXPECT_TRUE(within(20s, [&] { return check().has_value(); }));
}

TEST_F(WriteWatchTest, AnswersManyWithOneTrial) {
  driver_->hold();
  std::atomic<int> ready{0};
  for (int i = 0; i < 100; ++i) {
    store_.async_check_writes([&](const Result<void>& answer) { ready += answer ? 1 : 0; });
  }
  driver_->release();
  EXPECT_TRUE(within(20s, [&] { return ready == 100; }));
  EXPECT_EQ(driver_->trials(), 1);
}

TEST_F(WriteWatchTest, AnswersAllOfAStoreThatIsClosed) {
  ASSERT_TRUE(store_.close(1s));
  EXPECT_EQ(check().error().code(), ErrorCode::kUnavailable);
  std::atomic<int> answers{0};
  auto other =
      std::make_optional<Store>(node::Node::create("test:", std::make_shared<FailingStore>(), {}));
  for (int i = 0; i < 100; ++i) {
    other->async_check_writes([&](const Result<void>&) { ++answers; });
  }
  other.reset();
  EXPECT_EQ(answers, 100);
}

}  // namespace
}  // namespace nextid::testing
