#include "base/checked.h"

#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

namespace nextid::base {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();

TEST(CheckedTest, AddsUpToTheCeilingAndNotPastIt) {
  EXPECT_EQ(checked_add<std::int64_t>(kMax - 1, 1), kMax);
  EXPECT_EQ(checked_add<std::int64_t>(kMax, 1), std::nullopt);
  EXPECT_EQ(checked_add<std::uint64_t>(std::numeric_limits<std::uint64_t>::max(), 1U),
            std::nullopt);
}

TEST(CheckedTest, SubtractsDownToTheFloorAndNotPastIt) {
  EXPECT_EQ(checked_sub<std::int64_t>(kMin + 1, 1), kMin);
  EXPECT_EQ(checked_sub<std::int64_t>(kMin, 1), std::nullopt);
}

TEST(CheckedTest, MultipliesUnsignedFactorsIntoSignedSteps) {
  const std::uint64_t half = std::uint64_t{1} << 62;
  EXPECT_EQ(checked_mul<std::int64_t>(half, 1U), std::int64_t{1} << 62);
  EXPECT_EQ(checked_mul<std::int64_t>(half, 2U), std::nullopt);
  EXPECT_EQ(checked_mul<std::int64_t>(half - 1, 2U), kMax - 1);
}

TEST(CheckedTest, TakesOperandsOfDifferentSigns) {
  const std::uint64_t wide = static_cast<std::uint64_t>(kMax) + 5;
  EXPECT_EQ(checked_add<std::int64_t>(std::int64_t{-5}, wide), kMax);
  EXPECT_EQ(checked_sub<std::int64_t>(kMax, wide), -5);
  EXPECT_EQ(checked_add<std::int64_t>(std::int64_t{-4}, wide), std::nullopt);
}

}  // namespace
}  // namespace nextid::base
