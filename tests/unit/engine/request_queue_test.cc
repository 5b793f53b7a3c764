#include "engine/request_queue.h"

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace nextid::engine {
namespace {

using std::chrono::seconds;

constexpr std::uint64_t kNoBound = std::numeric_limits<std::uint64_t>::max();

MonotonicTime at(int second) { return MonotonicTime(seconds(second)); }

template <typename Tickets>
std::string numbers(const Tickets& tickets) {
  std::string text;
  for (const auto& each : tickets) {
    if constexpr (requires { each.ticket; }) {
      text += std::to_string(each.ticket.number) + " ";
    } else {
      text += std::to_string(each.number) + " ";
    }
  }
  return text;
}

/// The requests 1 ... 4, for as many ids each. Their deadlines are at 10, 5, 20 and 7.
class RequestQueueTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const int deadlines[] = {10, 5, 20, 7};
    for (std::uint64_t number = 1; number <= 4; ++number) {
      queue_.push({number, nullptr, 0}, number, at(deadlines[number - 1]));
    }
  }
  void TearDown() override { queue_.verify(); }

  std::string all() { return numbers(queue_.clear()); }

  RequestQueue queue_;
};

TEST_F(RequestQueueTest, SumsWhatTheLivingAskFor) {
  EXPECT_EQ(queue_.living(), 4U);
  EXPECT_EQ(queue_.ids(), 10U);
  EXPECT_EQ(queue_.earliest_deadline(), at(5));
  EXPECT_TRUE(queue_.bury(3));
  EXPECT_FALSE(queue_.bury(3)) << "it is dead already";
  EXPECT_FALSE(queue_.bury(9));
  EXPECT_EQ(queue_.living(), 3U);
  EXPECT_EQ(queue_.ids(), 7U);
  queue_.verify();
  EXPECT_EQ(all(), "1 2 4 ");
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(queue_.earliest_deadline(), MonotonicTime::max());
}

TEST_F(RequestQueueTest, IsEmptyWhenTheLastLivingOneIsDead) {
  for (std::uint64_t number = 1; number <= 4; ++number) EXPECT_TRUE(queue_.bury(number));
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(queue_.ids(), 0U);
  EXPECT_EQ(queue_.earliest_deadline(), MonotonicTime::max());
}

TEST_F(RequestQueueTest, ExpiresThoseWhoseDeadlineHasCome) {
  EXPECT_TRUE(queue_.expire(at(4)).empty());
  EXPECT_TRUE(queue_.bury(2));
  EXPECT_EQ(numbers(queue_.expire(at(7))), "4 ") << "a dead one has no answer to come";
  EXPECT_EQ(queue_.earliest_deadline(), at(10));
  EXPECT_EQ(queue_.living(), 2U);
  EXPECT_EQ(queue_.ids(), 4U);
  EXPECT_EQ(numbers(queue_.expire(at(100))), "1 3 ");
  EXPECT_EQ(queue_.earliest_deadline(), MonotonicTime::max());
}

TEST_F(RequestQueueTest, ServesInOrderUntilOneCannotBe) {
  EXPECT_TRUE(queue_.bury(2));
  std::string served;
  queue_.serve([&](const Waiting& waiting) {
    if (waiting.count > 3) return false;
    served += std::to_string(waiting.ticket.number) + " ";
    return true;
  });
  EXPECT_EQ(served, "1 3 ");
  EXPECT_EQ(queue_.living(), 1U);
  EXPECT_EQ(queue_.ids(), 4U);
  queue_.serve([](const Waiting&) { return true; });
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(queue_.earliest_deadline(), MonotonicTime::max());
}

TEST_F(RequestQueueTest, TheLongestPrefixKeepsItsBounds) {
  const struct {
    std::uint64_t most;
    std::uint64_t increment;
    std::size_t requests;
    std::uint64_t ids;
  } rows[] = {
      {0, 1, 1, 1},  // One at least.
      {1, 1, 1, 1},
      {2, 1, 1, 1},
      {3, 1, 2, 3},
      {9, 1, 3, 6},
      {10, 1, 4, 10},
      {kNoBound, 1, 4, 10},
      {kNoBound, kNoBound / 10, 4, 10},
      {kNoBound, kNoBound / 10 + 1, 3, 6},
      {kNoBound, kNoBound, 1, 1},
  };
  for (const auto& row : rows) {
    const RequestQueue::Prefix prefix = queue_.longest_prefix(row.most, row.increment);
    EXPECT_EQ(prefix.requests, row.requests) << row.most << " " << row.increment;
    EXPECT_EQ(prefix.ids, row.ids) << row.most << " " << row.increment;
  }
}

TEST_F(RequestQueueTest, APrefixWhoseSumOverflowsEndsBefore) {
  RequestQueue queue;
  queue.push({1, nullptr, 0}, kNoBound, at(1));
  queue.push({2, nullptr, 0}, 1, at(1));
  EXPECT_EQ(queue.longest_prefix(kNoBound, 1).requests, 1U);
}

TEST_F(RequestQueueTest, TakesAPrefixWithoutTheDead) {
  EXPECT_TRUE(queue_.bury(1));
  const RequestQueue::Prefix prefix = queue_.longest_prefix(5, 1);
  EXPECT_EQ(numbers(queue_.take(prefix)), "2 3 ");
  EXPECT_EQ(queue_.living(), 1U);
  EXPECT_EQ(queue_.ids(), 4U);
  EXPECT_EQ(numbers(queue_.take(queue_.longest_prefix(9, 1))), "4 ");
  EXPECT_EQ(queue_.earliest_deadline(), MonotonicTime::max());
}

TEST_F(RequestQueueTest, WhatComesBackIsFirstAgain) {
  std::vector<Waiting> taken = queue_.take(queue_.longest_prefix(6, 1));
  taken[0].dead = BurnReason::kDeadline;
  queue_.push({5, nullptr, 0}, 5, at(30));
  queue_.put_back(taken);
  EXPECT_EQ(queue_.living(), 4U);
  EXPECT_EQ(queue_.ids(), 14U);
  EXPECT_EQ(queue_.earliest_deadline(), at(5));
  queue_.verify();
  EXPECT_EQ(all(), "2 3 4 5 ");
}

TEST_F(RequestQueueTest, KeepsTheMemoryOfAListForTheNextOne) {
  std::vector<Waiting> taken = queue_.take(queue_.longest_prefix(kNoBound, 1));
  const Waiting* const memory = taken.data();
  queue_.recycle(std::move(taken));
  queue_.verify();
  queue_.push({5, nullptr, 0}, 1, at(1));
  queue_.push({6, nullptr, 0}, 1, at(1));
  EXPECT_EQ(queue_.take(queue_.longest_prefix(1, 1)).data(), memory);
}

}  // namespace
}  // namespace nextid::engine
