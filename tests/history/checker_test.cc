#include "history/checker.h"

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "history/history.h"

namespace nextid::history {
namespace {

constexpr std::uint64_t kMaxId = (std::uint64_t{1} << 63) - 1;

struct Times {
  std::uint64_t sent_ns;
  std::uint64_t received_ns;
};

Record answer(const std::string& client, Times times, std::uint64_t start, std::uint64_t count,
              std::uint64_t increment = 1) {
  Record record;
  record.client = client;
  record.counter = "global";
  record.sent_ns = times.sent_ns;
  record.received_ns = times.received_ns;
  record.asked = count;
  record.start = start;
  record.end = start + (count - 1) * increment;
  record.count = count;
  record.increment = increment;
  return record;
}

Record no_answer(const std::string& client, Times times) {
  Record record = answer(client, times, 1, 1);
  record.no_ids_reason = "no-answer";
  return record;
}

// Two clients whose requests overlap in time; ids 1 ... 13.
History good_history() {
  return {{"good"},
          {answer("a", {10, 20}, 1, 1), answer("b", {12, 40}, 4, 8), answer("a", {21, 35}, 2, 2),
           no_answer("b", {41, 50}), answer("a", {36, 60}, 12, 1), answer("b", {51, 70}, 13, 1)}};
}

Expectations exactly(std::uint64_t count) {
  Expectations expected;
  expected.exact = count;
  return expected;
}

// Violations of `invariant` alone: whatever else was found fails the test.
std::uint64_t only(Invariant invariant, const Report& report) {
  EXPECT_EQ(report.total(), report.count(invariant)) << "other invariants too";
  return report.count(invariant);
}

TEST(Checker, AcceptsGoodHistory) {
  Expectations expected = exactly(13);
  expected.no_gap = true;
  expected.value = 13;
  const Report report = check(good_history(), expected);
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(report.ids, 13U);
  EXPECT_EQ(report.answered, 5U);
  EXPECT_EQ(report.unanswered, 1U);
}

TEST(Checker, FindsDuplicateId) {
  const History history{{"f"}, {answer("a", {1, 2}, 1, 1), answer("b", {1, 3}, 1, 1)}};
  const Report report = check(history, exactly(1));
  EXPECT_EQ(only(Invariant::kUnique, report), 1U);
  EXPECT_NE(report.examples(Invariant::kUnique)[0].find("client b"), std::string::npos);
}

TEST(Checker, FindsDuplicateInsideRanges) {
  const History history{{"f"}, {answer("a", {1, 9}, 1, 10), answer("b", {1, 9}, 10, 10)}};
  EXPECT_EQ(only(Invariant::kUnique, check(history, exactly(19))), 1U);
}

TEST(Checker, FindsDuplicateUnderLongerRange) {
  // The neighbour in order of start is not the one that overlaps.
  const History history{
      {"f"}, {answer("a", {1, 9}, 1, 100), answer("b", {1, 9}, 2, 1), answer("c", {1, 9}, 50, 1)}};
  EXPECT_EQ(only(Invariant::kUnique, check(history, exactly(100))), 2U);
}

TEST(Checker, FindsTornRange) {
  History history = good_history();
  history.records[1].count = 7;
  history.records[1].asked = 7;
  EXPECT_EQ(only(Invariant::kContiguous, check(history, exactly(13))), 1U);
}

TEST(Checker, FindsRangeThatEndsBeforeItStarts) {
  History history = good_history();
  std::swap(history.records[1].start, history.records[1].end);
  EXPECT_GE(check(history, {}).count(Invariant::kContiguous), 1U);
}

TEST(Checker, FindsPartialRange) {
  History history = good_history();
  history.records[1].asked = 9;
  EXPECT_EQ(only(Invariant::kHonest, check(history, exactly(13))), 1U);
}

TEST(Checker, FindsBreakOfOrderAcrossClients) {
  const History history{{"f"}, {answer("a", {1, 5}, 2, 1), answer("b", {6, 9}, 1, 1)}};
  EXPECT_EQ(only(Invariant::kOrdered, check(history, exactly(2))), 1U);
}

TEST(Checker, AllowsAnyOrderOfRequestsThatTouch) {
  const History history{{"f"}, {answer("a", {1, 5}, 2, 1), answer("b", {5, 9}, 1, 1)}};
  EXPECT_TRUE(check(history, exactly(2)).ok());
}

TEST(Checker, FindsBreakOfOrderBehindOverlappingRequests) {
  // The answer that matters is not the last one received before.
  const History history{{"f"},
                        {answer("a", {1, 2}, 3, 1), answer("b", {1, 3}, 1, 1),
                         answer("c", {1, 20}, 4, 1), answer("d", {4, 9}, 2, 1)}};
  EXPECT_EQ(only(Invariant::kOrdered, check(history, exactly(4))), 1U);
}

TEST(Checker, FindsGap) {
  History history = good_history();
  history.records.erase(history.records.begin() + 1);
  EXPECT_EQ(only(Invariant::kAccounted, check(history, exactly(13))), 1U);
  Expectations expected;
  EXPECT_TRUE(check(history, expected).ok()) << "gaps count only where none is expected";
  expected.no_gap = true;
  EXPECT_EQ(only(Invariant::kAccounted, check(history, expected)), 1U);
}

TEST(Checker, FindsGapAtStart) {
  History history = good_history();
  history.records.erase(history.records.begin());
  Expectations expected;
  expected.no_gap = true;
  EXPECT_EQ(only(Invariant::kAccounted, check(history, expected)), 1U);
}

TEST(Checker, FindsMissingEndAndExcess) {
  EXPECT_EQ(only(Invariant::kAccounted, check(good_history(), exactly(14))), 1U);
  EXPECT_EQ(only(Invariant::kAccounted, check(good_history(), exactly(12))), 1U);
}

TEST(Checker, FindsMissingCounter) {
  Expectations expected = exactly(1);
  expected.counter = "orders";
  EXPECT_EQ(only(Invariant::kAccounted, check(good_history(), expected)), 1U);
}

TEST(Checker, BalancesValueWithBurnedIds) {
  History history = good_history();
  history.records.erase(history.records.begin() + 1);
  Expectations expected;
  expected.value = 15;
  expected.burned = 10;  // The 8 of the lost record, and 14 and 15.
  EXPECT_TRUE(check(history, expected).ok());
  for (const std::uint64_t burned : {0U, 9U, 11U}) {
    expected.burned = burned;
    EXPECT_EQ(only(Invariant::kAccounted, check(history, expected)), 1U) << burned;
  }
}

TEST(Checker, FindsIdBeyondValue) {
  Expectations expected;
  expected.value = 12;
  EXPECT_EQ(check(good_history(), expected).count(Invariant::kDurable), 1U);
}

TEST(Checker, FindsIdOverMax) {
  Expectations expected;
  expected.max = 12;
  EXPECT_EQ(only(Invariant::kHonest, check(good_history(), expected)), 1U);
}

TEST(Checker, FindsImpossibleIds) {
  for (const std::uint64_t id : {std::uint64_t{0}, kMaxId + 1, ~std::uint64_t{0}}) {
    const History history{{"f"}, {answer("a", {1, 2}, id, 1)}};
    EXPECT_EQ(only(Invariant::kHonest, check(history, {})), 1U) << id;
  }
  EXPECT_TRUE(check({{"f"}, {answer("a", {1, 2}, kMaxId, 1)}}, {}).ok());
}

TEST(Checker, KnowsStrides) {
  // 5, 15 ... 45, and the single id 55, whose answer does not show the increment.
  History history{{"f"}, {answer("a", {1, 9}, 5, 5, 10), answer("b", {1, 9}, 55, 1)}};
  Expectations expected = exactly(6);
  expected.start = 5;
  expected.value = 55;
  EXPECT_TRUE(check(history, expected).ok());

  history.records.push_back(answer("c", {1, 9}, 66, 1));
  EXPECT_EQ(check(history, expected).count(Invariant::kContiguous), 1U) << "off the stride";
  history.records.back() = answer("c", {1, 9}, 65, 2, 20);
  EXPECT_EQ(check(history, expected).count(Invariant::kContiguous), 1U) << "another increment";
  history.records.back() = answer("c", {1, 9}, 35, 1);
  EXPECT_EQ(only(Invariant::kUnique, check(history, expected)), 1U);
}

TEST(Checker, ChecksCountersSeparately) {
  History history = good_history();
  Record other = answer("a", {80, 90}, 1, 1);
  other.counter = "orders";
  history.records.push_back(other);
  const Report report = check(history, {});
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(report.counters, 2U);
}

TEST(Checker, CountsAllAndDescribesTheFirst) {
  History history{{"f"}, {}};
  for (int i = 0; i < 100; ++i) history.records.push_back(answer("a", {1, 2}, 7, 1));
  const Report report = check(history, {});
  EXPECT_EQ(report.count(Invariant::kUnique), 99U);
  EXPECT_EQ(report.examples(Invariant::kUnique).size(), Report::kExamples);
}

TEST(Checker, ChecksOrderWithinANodeOnly) {
  History history{{"f"}, {answer("a", {1, 2}, 51, 1), answer("b", {3, 4}, 1, 1)}};
  history.records[0].node = "one";
  history.records[1].node = "two";
  Expectations expected;
  EXPECT_EQ(only(Invariant::kOrdered, check(history, expected)), 1U);
  expected.order = Expectations::Order::kWithinNode;
  EXPECT_TRUE(check(history, expected).ok());
  history.records[1].node = "one";
  EXPECT_EQ(only(Invariant::kOrdered, check(history, expected)), 1U);
  history.records[1].cursor = true;
  EXPECT_TRUE(check(history, expected).ok());
  history.records.push_back(answer("c", {5, 6}, 1, 1));
  EXPECT_EQ(check(history, expected).count(Invariant::kUnique), 1U) << "of a cursor, too";
}

TEST(Checker, KnowsReplaysOfAKey) {
  History history{
      {"f"}, {answer("a", {1, 2}, 1, 3), answer("b", {3, 4}, 4, 1), answer("a", {5, 6}, 1, 3)}};
  history.records[0].key = history.records[2].key = "k";
  EXPECT_TRUE(check(history, exactly(4)).ok());
  history.records[2] = answer("a", {5, 6}, 5, 3);
  history.records[2].key = "k";
  EXPECT_EQ(check(history, {}).count(Invariant::kUnique), 1U) << "other ids for the same key";
  history.records[2] = answer("c", {5, 6}, 1, 3);
  history.records[2].key = "other";
  EXPECT_EQ(check(history, {}).count(Invariant::kUnique), 1U) << "the same ids for another key";
}

TEST(Checker, FindsIdBelowAnAdvance) {
  Record advance;
  advance.client = "admin";
  advance.counter = "global";
  advance.sent_ns = 1;
  advance.received_ns = 2;
  advance.advanced = true;
  advance.asked = 0;
  advance.end = 100;
  History history{{"f"}, {advance, answer("a", {1, 4}, 100, 1), answer("a", {5, 6}, 101, 1)}};
  EXPECT_TRUE(check(history, {}).ok());
  history.records.push_back(answer("b", {3, 7}, 99, 1));
  EXPECT_EQ(only(Invariant::kOrdered, check(history, {})), 1U);
}

// Histories as a correct server makes them: each request takes its ids at one moment between its
// two times, and those moments are in the order of the ids.
class RandomHistory {
 public:
  explicit RandomHistory(std::uint64_t seed) : random_(seed) {
    history_.files.push_back("random");
    std::uint64_t moment = 1000;
    for (std::uint64_t requests = pick(2, 300); requests > 0; --requests) {
      moment += pick(1, 20);
      const std::string client = "client-" + std::to_string(pick(1, 8));
      const std::uint64_t count = pick(0, 1) == 0 ? 1 : pick(2, 50);
      const Times times{moment - pick(0, 60), moment + pick(0, 60)};
      history_.records.push_back(answer(client, times, ids_ + 1, count));
      ids_ += count;
    }
    std::shuffle(history_.records.begin(), history_.records.end(), random_);
  }

  const History& history() const { return history_; }
  std::uint64_t ids() const { return ids_; }

  // Breaks one invariant in one place, and says which.
  Invariant mutate() {
    Record& one = history_.records[pick(0, history_.records.size() - 1)];
    switch (pick(0, 5)) {
      case 0: {
        Record twice = one;
        twice.client = "another";
        history_.records.push_back(twice);
        return Invariant::kUnique;
      }
      case 1:
        ++one.count;
        return Invariant::kContiguous;
      case 2:
        one.asked += pick(1, 3);
        return Invariant::kHonest;
      case 3:
        std::swap(one, history_.records.back());
        history_.records.pop_back();
        return Invariant::kAccounted;
      case 4:
        one.start = one.end = 0;
        return Invariant::kHonest;
      default:
        // All others were answered long before this one, and one of them has a higher id.
        one.sent_ns += 1'000'000;
        one.received_ns += 1'000'000;
        return one.end == ids_ ? mutate() : Invariant::kOrdered;
    }
  }

 private:
  std::uint64_t pick(std::uint64_t low, std::uint64_t high) {
    return std::uniform_int_distribution<std::uint64_t>(low, high)(random_);
  }

  std::mt19937_64 random_;
  History history_;
  std::uint64_t ids_ = 0;
};

TEST(Checker, FindsAnyMutationOfRandomHistories) {
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    RandomHistory random(seed);
    ASSERT_TRUE(check(random.history(), exactly(random.ids())).ok()) << "seed " << seed;
    const Invariant broken = random.mutate();
    ASSERT_GT(check(random.history(), exactly(random.ids())).count(broken), 0U)
        << "seed " << seed << ", " << to_string(broken);
  }
}

}  // namespace
}  // namespace nextid::history
