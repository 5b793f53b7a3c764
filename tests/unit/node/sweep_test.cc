// Many counters that nobody uses any more: they are released in slices, with time between them.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "nextid/nextid.h"

#include "base/mutex.h"
#include "node/node.h"
#include "node/sweep_pace.h"
#include "store/memory/store.h"

namespace nextid::node {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(SweepPaceTest, AllCountersThatANodeMayHaveTakeOneIdleTimeout) {
  const SweepPace pace(100'000, std::chrono::minutes(5));
  EXPECT_NEAR(pace.rate(), 333.3, 0.1);
  EXPECT_EQ(pace.slice({}), 16u) << "a few, every 50 ms";
  const auto took = milliseconds(1);
  const auto period = took + pace.gap(16, took);
  EXPECT_NEAR(16 / std::chrono::duration<double>(period).count(), pace.rate(), 0.1);
}

TEST(SweepPaceTest, NoSliceIsLong) {
  const SweepPace pace(10'000'000, seconds(1));
  EXPECT_EQ(pace.slice({}), SweepPace::kMostAsked);
  EXPECT_EQ(pace.slice(std::chrono::hours(1)), SweepPace::kMostAsked);
}

TEST(SweepPaceTest, OthersHaveMostOfTheTime) {
  const SweepPace pace(10'000'000, seconds(1));
  EXPECT_EQ(pace.gap(256, milliseconds(40)), milliseconds(120));
  EXPECT_EQ(pace.gap(256, {}), SweepPace::kShortestGap);
}

TEST(SweepPaceTest, ASlowStoreGetsLargerSlicesUntilTheRateIsReached) {
  const SweepPace pace(100'000, std::chrono::minutes(5));
  EXPECT_NEAR(static_cast<double>(pace.slice(milliseconds(300))), 100, 1);
}

TEST(SweepPaceTest, FewCountersNeedNotWait) {
  const SweepPace pace(1, std::chrono::hours(24));
  EXPECT_EQ(pace.rate(), SweepPace::kLowestRate);
  EXPECT_EQ(pace.slice({}), 5u);
}

/// What a store was asked for when nobody waited for it.
class Watched final : public contract::StoreDriver {
 public:
  struct Slice {
    std::chrono::steady_clock::time_point at;
    std::size_t releases = 0;
    std::size_t loads = 0;
    std::size_t waited_for = 0;
  };

  void submit(std::vector<contract::Call> calls) override {
    Slice slice{std::chrono::steady_clock::now()};
    for (const contract::Call& call : calls) {
      if (std::holds_alternative<contract::Release>(call.op)) ++slice.releases;
      if (std::holds_alternative<contract::Load>(call.op) && !call.is_waited_for) ++slice.loads;
      if (call.is_waited_for) ++slice.waited_for;
    }
    if (slice.releases + slice.loads > 0) {
      const base::Lock lock(mutex_);
      slices_.push_back(slice);
    }
    store_.submit(std::move(calls));
  }
  void list(const contract::PageWanted& wanted,
            std::function<void(Result<CounterPage>)> done) override {
    store_.list(wanted, std::move(done));
  }
  const StoreOpening& opening() const noexcept override { return store_.opening(); }
  std::uint64_t commits() const noexcept override { return store_.commits(); }

  std::vector<Slice> slices() const {
    const base::Lock lock(mutex_);
    return slices_;
  }

 private:
  store::MemoryStore store_;
  mutable base::Mutex mutex_;
  std::vector<Slice> slices_ NEXTID_GUARDED_BY(mutex_);
};

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

class SweepTest : public testing::Test {
 protected:
  void open(StoreOptions options) {
    node_ = Node::create("memory:", driver_, std::move(options));
    store_.emplace(node_);
  }
  /// An id of each, whose counter then has a slot.
  void use_counters(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(IdGenerator(*store_, "c" + std::to_string(i)).next_id().value(), 1u);
    }
  }
  std::size_t in_use() const { return store_->activity(0).counters_in_use; }

  const std::shared_ptr<Watched> driver_ = std::make_shared<Watched>();
  std::shared_ptr<Node> node_;
  std::optional<Store> store_;
};

TEST_F(SweepTest, ReleasesInSlicesWithTimeBetweenThemAndForgets) {
  constexpr std::size_t kCounters = 3'000;
  open({.max_counters = kCounters, .idle_counter_timeout = milliseconds(500)});
  use_counters(kCounters);
  ASSERT_TRUE(eventually([&] { return in_use() == 0; }));
  std::size_t released = 0;
  const auto slices = driver_->slices();
  for (std::size_t i = 0; i < slices.size(); ++i) {
    released += slices[i].releases;
    EXPECT_LE(slices[i].releases, SweepPace::kMostAsked);
    EXPECT_EQ(slices[i].waited_for, 0u);
    if (i == 0) continue;
    EXPECT_GE(slices[i].at - slices[i - 1].at, SweepPace::kShortestGap);
  }
  EXPECT_EQ(released, kCounters) << "each once";
  EXPECT_EQ(store_->accounting().returned, kCounters) << "I5";
  EXPECT_EQ(IdGenerator(*store_, "c7").next_id().value(), 2u);
}

TEST_F(SweepTest, ForgetsWhileItGoesOn) {
  constexpr std::size_t kCounters = 2'000;
  open({.max_counters = kCounters, .idle_counter_timeout = seconds(2)});
  use_counters(kCounters);
  std::size_t left = kCounters;
  ASSERT_TRUE(eventually([&] { return (left = in_use()) < kCounters; }));
  EXPECT_GT(left, 0u);
}

TEST_F(SweepTest, PrunesInSlices) {
  constexpr std::size_t kCounters = 2'000;
  open({.max_counters = kCounters, .pruning_interval = milliseconds(50)});
  use_counters(kCounters);
  const auto loads = [&] {
    std::size_t sum = 0;
    for (const auto& slice : driver_->slices()) sum += slice.loads;
    return sum;
  };
  // At the rate of the idle timeout this takes long: a part of them is enough.
  ASSERT_TRUE(eventually([&] { return loads() >= 50; }));
  for (const auto& slice : driver_->slices()) EXPECT_LE(slice.loads, SweepPace::kMostAsked);
}

TEST_F(SweepTest, ClosesInTheMidstOfASweep) {
  constexpr std::size_t kCounters = 2'000;
  open({.max_counters = kCounters, .idle_counter_timeout = milliseconds(500)});
  use_counters(kCounters);
  ASSERT_TRUE(eventually([&] { return !driver_->slices().empty(); }));
  EXPECT_TRUE(store_->close(seconds(20)));
  EXPECT_EQ(store_->accounting().returned, kCounters);
  EXPECT_EQ(store_->accounting().burned_total(), 0u);
}

}  // namespace
}  // namespace nextid::node
