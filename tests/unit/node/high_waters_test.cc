// What a process never forgets, and what that costs.
#include "node/high_waters.h"

#include <cstdint>
#include <cstdio>
#include <malloc.h>
#include <string>

#include <gtest/gtest.h>

namespace nextid::node {
namespace {

constexpr std::int64_t kNothingYet = engine::Predecessor::kNothingYet;

TEST(HighWatersTest, KeepsTheHighestMarkOfEachCounter) {
  HighWaters waters;
  EXPECT_EQ(waters.recall("a").issued, kNothingYet);
  waters.note("a", 30);
  waters.note("a", 20);
  waters.note("b", 5);
  waters.note("c", kNothingYet);
  EXPECT_EQ(waters.recall("a").issued, 30);
  EXPECT_EQ(waters.recall("b").issued, 5);
  EXPECT_EQ(waters.recall("c").issued, kNothingYet);
  EXPECT_EQ(waters.size(), 2U);
}

TEST(HighWatersTest, KeepsWhyACounterStoppedFirst) {
  HighWaters waters;
  waters.stop("b", "first.");
  waters.stop("b", "second.");
  waters.stop("a", "other.");
  EXPECT_EQ(waters.recall("b").stopped, "first.");
  EXPECT_EQ(waters.why_stopped("b"), "first.");
  EXPECT_EQ(waters.why_stopped("c"), "");
  EXPECT_EQ(waters.stopped_counters(), 2U);
  EXPECT_EQ(waters.stopped(1), (std::vector<HighWaters::Stop>{{"a", "other."}}));
  EXPECT_EQ(waters.take_new_stops(),
            (std::vector<HighWaters::Stop>{{"b", "first."}, {"a", "other."}}));
  EXPECT_TRUE(waters.take_new_stops().empty());
}

TEST(HighWatersTest, TakesTheHigherOfWhatItHasAndWhatIsKnownElsewhere) {
  HighWaters waters;
  waters.ask_also([](const std::string& counter) -> std::optional<HighWaters::Known> {
    if (counter == "unknown") return std::nullopt;
    return HighWaters::Known{50, counter == "stopped" ? "it has stopped." : ""};
  });
  waters.note("lower", 10);
  waters.note("higher", 90);
  EXPECT_EQ(waters.recall("lower").issued, 50);
  EXPECT_EQ(waters.recall("higher").issued, 90);
  EXPECT_EQ(waters.recall("unknown").issued, kNothingYet);
  EXPECT_EQ(waters.recall("stopped").stopped, "it has stopped.");
}

TEST(HighWatersTest, AMillionCountersTakeSixtyBytesEachAtMost) {
#if !defined(NDEBUG)
  GTEST_SKIP() << "not run: sanitizers keep memory of their own";
#endif
  constexpr std::uint64_t kCounters = 1'000'000;
  const auto allocated = [] {
    const struct mallinfo2 info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
  };
  const std::uint64_t before = allocated();
  HighWaters waters;
  for (std::uint64_t i = 0; i < kCounters; ++i) waters.note("counter-" + std::to_string(i), 1);
  const std::uint64_t each = (allocated() - before) / kCounters;
  std::printf("a counter that is remembered: %lu bytes\n", static_cast<unsigned long>(each));
  EXPECT_EQ(waters.size(), kCounters);
  EXPECT_LE(each, 60U);
  EXPECT_EQ(waters.recall("counter-999999").issued, 1);
}

}  // namespace
}  // namespace nextid::node
