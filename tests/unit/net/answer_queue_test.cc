// Answers come in any order, and leave in that of their requests.
#include "net/answer_queue.h"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace nextid::net {
namespace {

using Entry = Unanswered<std::string>;

class AnswerQueueTest : public ::testing::Test {
 protected:
  std::uint64_t add() {
    queue_.add();
    return queue_.last_tag();
  }
  bool answer(std::uint64_t tag, const std::string& text) { return queue_.answer(tag, text); }
  void write() {
    queue_.write_next(
        [this](Entry& entry) { written_.push_back(std::get<std::string>(entry.answer)); },
        [this] { return written_.size() < room_; });
    queue_.begin_call_in_turn();
  }

  static constexpr std::size_t kMost = 4;
  AnswerQueue<Entry> queue_{kMost, 2};
  std::vector<std::string> written_;
  std::size_t room_ = 100;  // Of written_.
};

using Written = std::vector<std::string>;

TEST_F(AnswerQueueTest, AnAnswerWaitsForThoseBeforeIt) {
  const auto first = add();
  const auto second = add();
  const auto third = add();
  EXPECT_FALSE(answer(second, "b"));
  write();
  EXPECT_EQ(written_, Written());
  EXPECT_TRUE(answer(first, "a"));
  write();
  EXPECT_EQ(written_, (Written{"a", "b"}));
  EXPECT_TRUE(answer(third, "c"));
  write();
  EXPECT_EQ(written_, (Written{"a", "b", "c"}));
  EXPECT_TRUE(queue_.empty());
}

TEST_F(AnswerQueueTest, HasRoomForSoMany) {
  for (std::size_t i = 0; i < kMost; ++i) {
    EXPECT_TRUE(queue_.has_room());
    add();
  }
  EXPECT_FALSE(queue_.has_room());
  const auto refusal = add();  // The last word finds its place all the same.
  EXPECT_FALSE(answer(refusal, "too many"));
  EXPECT_EQ(queue_.size(), kMost + 1);
}

TEST_F(AnswerQueueTest, ACallBeginsWhenItIsAloneAndKeepsOthersOut) {
  const auto before = add();
  const auto call = add();
  bool begun = false;
  queue_.add_call([&] { begun = true; });
  EXPECT_FALSE(begun);
  EXPECT_FALSE(queue_.has_room());
  EXPECT_TRUE(answer(before, "a"));
  write();
  EXPECT_TRUE(begun);
  EXPECT_FALSE(queue_.has_room());
  queue_.end_call();
  EXPECT_TRUE(queue_.has_room());
  EXPECT_TRUE(answer(call, "b"));
  write();
  EXPECT_EQ(written_, (Written{"a", "b"}));
}

TEST_F(AnswerQueueTest, ACallThatIsAloneBeginsAtOnceAndOnce) {
  add();
  int begun = 0;
  queue_.add_call([&] { ++begun; });
  queue_.begin_call_in_turn();
  EXPECT_EQ(begun, 1);
}

TEST_F(AnswerQueueTest, WhatIsNotWrittenStaysToBeGivenUp) {
  add();
  EXPECT_FALSE(answer(add(), "b"));
  add();
  write();
  std::vector<bool> answered;
  for (const Entry& entry : queue_) answered.push_back(entry.is_answered());
  EXPECT_EQ(answered, (std::vector<bool>{false, true, false}));
}

TEST_F(AnswerQueueTest, WritesNoMoreThanThereIsRoomFor) {
  room_ = 1;
  for (const char* text : {"a", "b", "c"}) static_cast<void>(answer(add(), text));
  write();
  EXPECT_EQ(written_, Written({"a"}));
  write();
  EXPECT_EQ(written_, Written({"a"}));
  room_ = 3;
  write();
  EXPECT_EQ(written_, Written({"a", "b", "c"}));
  EXPECT_TRUE(queue_.empty());
}

TEST_F(AnswerQueueTest, KeepsTheOrderWhateverComesWhen) {
  AnswerQueue<Entry> queue(1'000, 1);
  std::mt19937 random(7);
  std::vector<std::uint64_t> open;
  std::uint64_t next = 0;
  const auto write_next = [&] {
    queue.write_next(
        [&](Entry& entry) {
          EXPECT_EQ(std::get<std::string>(entry.answer), std::to_string(next++));
        },
        [] { return true; });
  };
  for (int step = 0; step < 20'000; ++step) {
    if (open.empty() || (random() % 2 == 0 && queue.has_room())) {
      queue.add();
      open.push_back(queue.last_tag());
    } else {
      std::swap(open[random() % open.size()], open.back());
      if (queue.answer(open.back(), std::to_string(open.back()))) write_next();
      open.pop_back();
    }
    if (queue.empty()) queue.shrink();
  }
  for (const auto tag : open) {
    if (queue.answer(tag, std::to_string(tag))) write_next();
  }
  EXPECT_TRUE(queue.empty());
  EXPECT_GT(next, 5'000U);
}

#if NEXTID_CHECKS
TEST_F(AnswerQueueTest, ASecondAnswerIsABug) {
  const auto tag = add();
  EXPECT_TRUE(answer(tag, "a"));
  EXPECT_DEATH(static_cast<void>(answer(tag, "b")), "is_answered");
  EXPECT_DEATH(static_cast<void>(answer(tag + 1, "c")), "first_tag_");
}
#endif

}  // namespace
}  // namespace nextid::net
