// What callers may ask of the store and of the server.
#include "service/service.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace nextid::service {
namespace {

class FakeReports final : public Reports {
 public:
  void report(const ShowMetrics&, Done<Page> done) override { done(Page{"text/plain", "metrics"}); }
  void report(const ShowStatus& call, Done<Page> done) override {
    done(Page{"application/json", std::to_string(call.limit)});
  }
  void report(const SumUpIds&, Done<Accounting> done) override { done(Accounting{.returned = 7}); }
  std::string doubt() const override { return doubt_; }

  std::string doubt_;
};

class ServiceTest : public ::testing::Test {
 protected:
  template <typename Call>
  Result<typename Call::Answer> ask(const Call& call) {
    using Answer = Result<typename Call::Answer>;
    auto promise = std::make_shared<std::promise<Answer>>();
    auto answer = promise->get_future();
    service_.start(call, [promise](Answer given) { promise->set_value(std::move(given)); });
    return answer.get();
  }

  std::uint64_t calls_of(StoreCallKind kind) const {
    return store_.store_calls().of(kind).durations.total();
  }

  Store store_ = open_store("memory:").value();
  FakeReports reports_;
  Service service_{store_, reports_};
};

TEST_F(ServiceTest, DefinesAdvancesAndShows) {
  const auto defined = ask(DefineCounter{.counter = "a", .change = {.increment = 5}});
  ASSERT_TRUE(defined);
  EXPECT_TRUE(defined->created);
  EXPECT_EQ(ask(AdvanceCounter{.counter = "a", .to = 10})->value, 10U);
  const auto shown = ask(ShowCounter{.counter = "a"});
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->value, 10U);
  EXPECT_EQ(shown->definition.increment, 5U);
  EXPECT_EQ(ask(ShowCounter{.counter = "b"}).error().code(), ErrorCode::kNotFound);
}

TEST_F(ServiceTest, FindsEachNameInItsPlace) {
  ask(DefineCounter{.counter = "a", .change = {}});
  ask(DefineCounter{.counter = "b", .change = {}});
  const auto found = ask(FindCounters{.counters = {"b", "no name", "none", "a"}});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 4U);
  EXPECT_EQ((*found)[0]->name, "b");
  EXPECT_EQ((*found)[1].error().code(), ErrorCode::kNotFound);
  EXPECT_EQ((*found)[2].error().code(), ErrorCode::kNotFound);
  EXPECT_EQ((*found)[3]->name, "a");
  EXPECT_TRUE(ask(FindCounters{})->empty());
}

TEST_F(ServiceTest, LooksEachNameUpOnce) {
  ask(DefineCounter{.counter = "a", .change = {}});
  const auto before = calls_of(StoreCallKind::kLoad);
  const auto found = ask(FindCounters{.counters = {"a", "b", "a", "a", "b"}});
  EXPECT_EQ(calls_of(StoreCallKind::kLoad) - before, 2U);
  ASSERT_EQ(found->size(), 5U);
  for (const std::size_t i : {0U, 2U, 3U}) EXPECT_EQ((*found)[i]->name, "a");
  for (const std::size_t i : {1U, 4U}) EXPECT_FALSE((*found)[i]);
}

TEST_F(ServiceTest, ListsAPageAndCountsAll) {
  for (int i = 0; i < 5; ++i) {
    ask(DefineCounter{.counter = "c" + std::to_string(i), .change = {}});
  }
  const auto page = ask(ListCounters{.after = "c1", .limit = 2});
  ASSERT_TRUE(page);
  ASSERT_EQ(page->counters.size(), 2U);
  EXPECT_EQ(page->counters[0].name, "c2");
  EXPECT_TRUE(page->more);
  EXPECT_EQ(*ask(CountCounters{}), 5U);
}

TEST_F(ServiceTest, CountsBeyondOnePage) {
  for (std::size_t i = 0; i < kMostListed + 1; ++i) {
    ask(DefineCounter{.counter = "c" + std::to_string(i), .change = {}});
  }
  EXPECT_EQ(*ask(CountCounters{}), kMostListed + 1);
}

TEST_F(ServiceTest, WhoCountsManyCountersSharesALook) {
  for (std::size_t i = 0; i < kMostListed + 1; ++i) {
    ask(DefineCounter{.counter = "c" + std::to_string(i), .change = {}});
  }
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(*ask(CountCounters{}), kMostListed + 1);
  ask(DefineCounter{.counter = "d", .change = {}});
  const auto kept = *ask(CountCounters{});
  if (std::chrono::steady_clock::now() - began < CounterCount::kKept) {
    EXPECT_EQ(kept, kMostListed + 1);
  }
  const auto deadline = began + std::chrono::minutes(1);
  while (*ask(CountCounters{}) != kMostListed + 2) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "the answer is kept for a second";
  }
}

TEST_F(ServiceTest, WhoCountsFewCountersSeesWhatHeMade) {
  for (std::uint64_t i = 1; i <= 10; ++i) {
    ask(DefineCounter{.counter = "c" + std::to_string(i), .change = {}});
    EXPECT_EQ(*ask(CountCounters{}), i);
  }
}

TEST_F(ServiceTest, ManyWhoCountAtATimeAreAllAnswered) {
  ask(DefineCounter{.counter = "a", .change = {}});
  std::atomic<int> answers{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 1'000; ++j) {
        service_.start(CountCounters{}, [&](const Result<std::uint64_t>& count) {
          if (count && *count == 1) ++answers;
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (answers != 4'000 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_EQ(answers, 4'000);
}

TEST_F(ServiceTest, IsReadyUnlessItIsInDoubt) {
  EXPECT_EQ(ask(CheckReady{})->doubt, "");
  reports_.doubt_ = "The file was exchanged.";
  EXPECT_EQ(ask(CheckReady{})->doubt, "The file was exchanged.");
}

TEST_F(ServiceTest, IsNotReadyWhileItStopsAndServesOn) {
  service_.announce_stop();
  EXPECT_EQ(ask(CheckReady{}).error().code(), ErrorCode::kUnavailable);
  EXPECT_TRUE(ask(DefineCounter{.counter = "a", .change = {}}));
}

TEST_F(ServiceTest, IsNotReadyWithoutItsStore) {
  ASSERT_TRUE(store_.close(std::chrono::seconds(1)));
  EXPECT_EQ(ask(CheckReady{}).error().code(), ErrorCode::kUnavailable);
}

TEST_F(ServiceTest, HandsOnWhatTheReportsSay) {
  EXPECT_EQ(ask(ShowMetrics{})->text, "metrics");
  EXPECT_EQ(ask(ShowStatus{.limit = 7})->text, "7");
  EXPECT_EQ(ask(SumUpIds{})->returned, 7U);
}

}  // namespace
}  // namespace nextid::service
