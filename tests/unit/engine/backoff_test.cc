#include "engine/backoff.h"

#include <gtest/gtest.h>

namespace nextid::engine {
namespace {

TEST(BackoffTest, DoublesWithJitterUpToItsCap) {
  Backoff backoff(42);
  for (unsigned failures = 1; failures < 40; ++failures) {
    const auto whole =
        std::min(Backoff::kBase * (std::int64_t{1} << std::min(failures - 1, 16U)), Backoff::kCap);
    const auto wait = backoff.after(failures);
    EXPECT_GE(wait, whole / 2) << failures;
    EXPECT_LE(wait, whole) << failures;
  }
}

TEST(BackoffTest, SeedsDiffer) {
  Backoff one(1);
  Backoff two(2);
  EXPECT_NE(one.after(9), two.after(9));
}

}  // namespace
}  // namespace nextid::engine
