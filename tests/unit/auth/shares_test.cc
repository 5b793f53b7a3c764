#include "auth/shares.h"

#include <array>

#include <gtest/gtest.h>

namespace nextid::auth {
namespace {

constexpr Bounds kBounds{
    .counters = 100, .waiting_requests = 1000, .waiting_ids = 10'000, .max_range = 4'000};

TEST(SharesTest, TokensWithoutLimitsHaveEqualParts) {
  const std::array<Limits, 3> tokens{};
  const Shares shares(tokens, kBounds);
  EXPECT_EQ(
      shares.in_force({}),
      (Limits{.counters_in_use = 33, .new_counters = 10'000, .keys = 1'000'000, .waiting = 333}));
  EXPECT_TRUE(shares.warnings().empty());
}

TEST(SharesTest, OthersGetWhatLimitsLeave) {
  const std::array<Limits, 3> tokens{Limits{.counters_in_use = 80, .keys = 7}, Limits{}, Limits{}};
  const Shares shares(tokens, kBounds);
  EXPECT_EQ(shares.in_force({}).counters_in_use, 10U);
  EXPECT_EQ(shares.in_force(tokens[0]).counters_in_use, 80U);
  EXPECT_EQ(shares.in_force(tokens[0]).keys, 7U);
  EXPECT_EQ(shares.in_force({}).keys, 1'000'000U);
  EXPECT_EQ(shares.in_force({}).ids_per_second, std::nullopt);
}

TEST(SharesTest, ARangeAlwaysFits) {
  EXPECT_EQ(Shares(std::array<Limits, 2>{}, kBounds).waiting_ids(), 5'000U);
  EXPECT_EQ(Shares(std::array<Limits, 3>{}, kBounds).waiting_ids(), 4'000U);
}

TEST(SharesTest, WarnsWhereOnesUseCanBeAnothersRefusal) {
  std::array<Limits, 2> tokens{Limits{.counters_in_use = 60}, Limits{.counters_in_use = 40}};
  EXPECT_TRUE(Shares(tokens, kBounds).warnings().empty());
  tokens[1].counters_in_use = 41;
  ASSERT_EQ(Shares(tokens, kBounds).warnings().size(), 1U);
  EXPECT_EQ(Shares(tokens, kBounds).warnings()[0],
            "The limits counters-in-use of the tokens add up to more than --max-counters, which is "
            "100: so one token's use can be another's refusal. Lower limits, or raise "
            "--max-counters.");
  tokens = {Limits{.waiting = ~std::uint64_t{0}}, Limits{}};
  const Shares all(tokens, kBounds);
  EXPECT_EQ(all.warnings().size(), 1U) << "nothing is left for the other";
  EXPECT_EQ(all.in_force({}).waiting, 1U);
}

}  // namespace
}  // namespace nextid::auth
