// Counters that the store has not shown yet, which may be names that do not exist: how long they
// are in memory, and who pays.
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "nextid/nextid.h"

#include "answers.h"
#include "base/mutex.h"
#include "contract/payer.h"
#include "node/charged.h"
#include "node/node.h"
#include "store/memory/store.h"

namespace nextid::node {
namespace {

using nextid::testing::Answers;
using nextid::testing::in;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// A store whose loads fail, or do not come back, as long as the test wants.
class Moody final : public contract::StoreDriver {
 public:
  void submit(std::vector<contract::Call> calls) override {
    std::vector<contract::Call> others;
    for (contract::Call& call : calls) {
      const bool is_load = std::holds_alternative<contract::Load>(call.op);
      if (is_load && loads_fail) {
        call.done(contract::NotApplied{"it is moody", false});
      } else if (is_load && holds_loads) {
        const base::Lock lock(mutex_);
        held_.push_back(std::move(call));
      } else {
        others.push_back(std::move(call));
      }
    }
    store_.submit(std::move(others));
  }
  void let_loads_go() {
    holds_loads = false;
    std::vector<contract::Call> held;
    {
      const base::Lock lock(mutex_);
      held.swap(held_);
    }
    store_.submit(std::move(held));
  }
  void list(const contract::PageWanted& wanted,
            std::function<void(Result<CounterPage>)> done) override {
    store_.list(wanted, std::move(done));
  }
  const StoreOpening& opening() const noexcept override { return store_.opening(); }
  std::uint64_t commits() const noexcept override { return store_.commits(); }

  std::atomic<bool> loads_fail{false};
  std::atomic<bool> holds_loads{false};

 private:
  store::MemoryStore store_;
  base::Mutex mutex_;
  std::vector<contract::Call> held_ NEXTID_GUARDED_BY(mutex_);
};

class Purse final : public contract::Payer, public std::enable_shared_from_this<Purse> {
 public:
  explicit Purse(int counters) : may_make(counters) {}

  std::shared_ptr<contract::Payer> share() override { return shared_from_this(); }
  Result<void> take_place() override {
    ++places;
    return {};
  }
  void give_back_place() noexcept override { --places; }
  Result<void> make_counter() override {
    if (may_make > 0) return --may_make, Result<void>();
    return Error(ErrorCode::kLimited, "the purse is empty.");
  }
  void take_back_counter() noexcept override { ++may_make; }

  std::atomic<int> places{0};
  std::atomic<int> may_make;
};

class UnknownCounterTest : public ::testing::Test {
 protected:
  void open(StoreOptions options) {
    node_ = Node::create("memory:", driver_, std::move(options));
    store_.emplace(node_);
  }
  std::size_t in_use() const { return store_->activity(0).counters_in_use; }
  static bool eventually(const std::function<bool()>& condition) {
    const auto deadline = in(seconds(20));
    while (!condition()) {
      if (IdGenerator::Clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }
  IdGenerator charged(const std::string& counter, Purse& purse) {
    return Charged::generator(*store_, counter, &purse);
  }

  const std::shared_ptr<Moody> driver_ = std::make_shared<Moody>();
  const std::shared_ptr<Purse> purse_ = std::make_shared<Purse>(10);
  std::shared_ptr<Node> node_;
  std::optional<Store> store_;
};

TEST_F(UnknownCounterTest, AMissingNameLeavesMemoryWithItsRequest) {
  open({.max_counters = 2, .auto_create = false});
  for (int i = 0; i < 100; ++i) {
    const auto id = IdGenerator(*store_, "c" + std::to_string(i)).next_id();
    ASSERT_EQ(id.error().code(), ErrorCode::kNotFound) << id.error().what();
    ASSERT_EQ(in_use(), 0U);
  }
  const IdGenerator held(*store_, "held");
  EXPECT_TRUE(held.next_id().has_error());
  EXPECT_EQ(in_use(), 1U) << "as long as a generator has it";
  ASSERT_TRUE(store_->define("held", {}));
  EXPECT_EQ(held.next_id().value(), 1U);
}

TEST_F(UnknownCounterTest, ACounterThatExistsStays) {
  open({.auto_create = false});
  ASSERT_TRUE(store_->define("there", {}));
  EXPECT_EQ(in_use(), 0U) << "a definition takes no place";
  EXPECT_EQ(IdGenerator(*store_, "there").next_id().value(), 1U);
  EXPECT_EQ(in_use(), 1U);
  EXPECT_TRUE(store_->advance("missing", 7).has_error());
  EXPECT_EQ(in_use(), 1U);
}

TEST_F(UnknownCounterTest, ARequestIsAnsweredAlsoWhenNobodyHoldsItsGenerator) {
  driver_->loads_fail = true;
  open({});
  Answers answers;
  IdGenerator(*store_, "c").async_next_range(3, in(seconds(20)), answers);
  EXPECT_EQ(in_use(), 1U);
  driver_->loads_fail = false;
  ASSERT_TRUE(answers.wait_for(1));
  EXPECT_EQ(answers.at(0).value().count(), 3U);
}

TEST_F(UnknownCounterTest, AStoreThatFailsKeepsNoNames) {
  driver_->loads_fail = true;
  open({});
  Answers answers;
  IdGenerator(*store_, "a").async_next_range(1, in(milliseconds(20)), answers);
  ASSERT_TRUE(answers.wait_for(1));
  EXPECT_EQ(answers.at(0).error().code(), ErrorCode::kUnavailable);
  EXPECT_TRUE(eventually([&] { return in_use() == 0; }));
}

TEST_F(UnknownCounterTest, ARequestWithAKeyForAMissingNameKeepsNothing) {
  open({.auto_create = false});
  EXPECT_EQ(IdGenerator(*store_, "c").next_id("a key").error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(eventually([&] { return in_use() == 0; }));
}

TEST_F(UnknownCounterTest, AGeneratorMayEndAfterItsStore) {
  open({.auto_create = false});
  IdGenerator ids(*store_, "missing");
  EXPECT_TRUE(ids.next_id().has_error());
  store_.reset();
  node_.reset();
  ids = IdGenerator(open_store("memory:"), "other");  // Its store goes first, then its counter.
  EXPECT_EQ(ids.next_id().value(), 1U);
}

TEST_F(UnknownCounterTest, ManyThreadsAskForTheSameNames) {
  open({.auto_create = false});
  ASSERT_TRUE(store_->define("c0", {}));
  std::vector<std::thread> threads;
  std::atomic<std::uint64_t> taken{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2'000; ++i) {
        const auto id = IdGenerator(*store_, "c" + std::to_string(i % 3)).next_id();
        EXPECT_EQ(id.has_value(), i % 3 == 0);
        if (id) ++taken;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(store_->counter("c0")->value.value(), taken);
  EXPECT_EQ(store_->accounting().returned, taken);
  EXPECT_TRUE(eventually([&] { return in_use() == 1; }));
}

TEST_F(UnknownCounterTest, APlaceIsChargedUntilTheCounterLeaves) {
  open({.idle_counter_timeout = milliseconds(20), .auto_create = false});
  EXPECT_TRUE(charged("missing", *purse_).next_id().has_error());
  EXPECT_EQ(purse_->places, 0);
  ASSERT_TRUE(store_->define("there", {}));
  EXPECT_EQ(charged("there", *purse_).next_id().value(), 1U);
  const auto other = std::make_shared<Purse>(0);
  EXPECT_EQ(charged("there", *other).next_id().value(), 2U);
  EXPECT_EQ(other->places, 0) << "it was in memory";
  EXPECT_TRUE(eventually([&] { return purse_->places == 0; }));
}

TEST_F(UnknownCounterTest, MakingACounterIsCharged) {
  open({});
  purse_->may_make = 1;
  EXPECT_EQ(charged("a", *purse_).next_id().value(), 1U);
  EXPECT_EQ(charged("b", *purse_).next_id().error().code(), ErrorCode::kLimited);
  EXPECT_EQ(store_->counter("b").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(charged("a", *purse_).next_id().value(), 2U);
  EXPECT_EQ(IdGenerator(*store_, "b").next_id().value(), 1U) << "nobody is charged";
}

TEST_F(UnknownCounterTest, OneThatMayPayIsEnough) {
  open({});
  const auto rich = std::make_shared<Purse>(1);
  purse_->may_make = 0;
  driver_->holds_loads = true;
  Answers answers;
  const IdGenerator first = charged("c", *purse_);
  first.async_next_range(1, in(seconds(20)), answers, 1);
  Charged::join(first, *rich);
  first.async_next_range(1, in(seconds(20)), answers, 2);
  driver_->let_loads_go();
  ASSERT_TRUE(answers.wait_for(2));
  EXPECT_EQ(answers.at(1).value().start(), 1U);
  EXPECT_EQ(answers.at(2).value().start(), 2U);
  EXPECT_EQ(rich->may_make, 0);
}

TEST_F(UnknownCounterTest, ADefinitionIsChargedWhereItMakesACounter) {
  open({});
  purse_->may_make = 1;
  std::optional<Result<DefinedCounter>> defined;
  const auto define = [&](const std::string& counter, const DefinitionChange& change) {
    Charged::define(
        *store_, counter, change, [&](auto result) { defined = std::move(result); }, {}, purse_);
    return defined->has_value();
  };
  EXPECT_FALSE(define("a", {.max = 0})) << "it fails, and costs nothing";
  EXPECT_TRUE(define("a", {}));
  EXPECT_TRUE(define("a", {.max = 10})) << "a change costs nothing";
  EXPECT_FALSE(define("b", {}));
  EXPECT_EQ(defined->error().code(), ErrorCode::kLimited);
  EXPECT_EQ(store_->counter("b").error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace nextid::node
