#include "engine/backoff.h"

#include <gtest/gtest.h>

namespace nextid::engine {
namespace {

using Cause = Backoff::Cause;

TEST(BackoffTest, DoublesWithFullJitterUpToItsCap) {
  Backoff backoff(42);
  for (const auto& [cause, base] : {std::pair(Cause::kTransient, Backoff::kTransientBase),
                                    std::pair(Cause::kThrottled, Backoff::kThrottledBase)}) {
    for (unsigned failures = 1; failures < 40; ++failures) {
      const auto most =
          std::min(base * (std::int64_t{1} << std::min(failures - 1, 16U)), Backoff::kCap);
      std::chrono::microseconds longest{0};
      for (int i = 0; i < 100; ++i) {
        const auto wait = backoff.after(failures, cause);
        EXPECT_LE(wait, most) << failures;
        longest = std::max(longest, wait);
      }
      EXPECT_GT(longest, most / 2) << failures;
    }
  }
}

TEST(BackoffTest, SeedsDiffer) {
  Backoff one(1);
  Backoff two(2);
  EXPECT_NE(one.after(9, Cause::kTransient), two.after(9, Cause::kTransient));
}

}  // namespace
}  // namespace nextid::engine
