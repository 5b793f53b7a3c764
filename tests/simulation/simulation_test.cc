// Thousands of simulated worlds, and the bugs that they must find. script/simulate runs more.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "simulation/canaries.h"
#include "simulation/parameters.h"
#include "simulation/world.h"

namespace nextid::simulation {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kSanitized = false;
#endif

/// Of each kind.
std::uint64_t worlds() {
  if (std::getenv("NEXTID_TEST_LONG") != nullptr) return 20'000;
  return kSanitized ? 150 : 2'000;
}

/// Within so many seeds each canary is found.
constexpr std::uint64_t kCanarySeeds = 2'000;

std::string findings(const World& world, std::uint64_t seed) {
  std::string text = "seed " + std::to_string(seed) + ": " + to_string(draw_parameters(seed));
  for (std::size_t i = 0; i < history::kInvariants; ++i) {
    const auto invariant = static_cast<history::Invariant>(i);
    for (const std::string& example : world.report().examples(invariant)) {
      text.append("\n  ").append(to_string(invariant)).append(": ").append(example);
    }
  }
  return text + "\nscript/simulate --seed " + std::to_string(seed) + " --trace";
}

std::string test_name(std::string_view name) {
  std::string result(name);
  std::replace(result.begin(), result.end(), '-', '_');
  return result;
}

class Worlds : public ::testing::TestWithParam<Kind> {};

TEST_P(Worlds, KeepTheInvariants) {
  std::uint64_t ids = 0;
  std::uint64_t refusals = 0;
  std::uint64_t abandoned = 0;
  for (std::uint64_t i = 0; i < worlds(); ++i) {
    const std::uint64_t seed = i * kKinds + static_cast<std::uint64_t>(GetParam());
    World world(draw_parameters(seed));
    world.run();
    ASSERT_TRUE(world.report().ok()) << findings(world, seed);
    ids += world.report().ids;
    refusals += world.report().unanswered;
    abandoned += world.abandoned() ? 1U : 0U;
  }
  EXPECT_LE(abandoned, GetParam() == Kind::kSetBacks ? worlds() / 50 : 0U);
  EXPECT_GT(ids, 50 * worlds()) << "the worlds did too little to show anything";
  EXPECT_GT(refusals, worlds()) << "the worlds did too little to show anything";
}

INSTANTIATE_TEST_SUITE_P(Kinds, Worlds,
                         ::testing::Values(Kind::kStrict, Kind::kCached, Kind::kDefinitions,
                                           Kind::kExhaustion, Kind::kGiveBacks, Kind::kAll,
                                           Kind::kSetBacks),
                         [](const auto& kind) { return test_name(to_string(kind.param)); });

TEST(Simulation, RerunsASeedExactly) {
  for (std::uint64_t seed = 1; seed <= worlds() / 10; ++seed) {
    World first(draw_parameters(seed));
    World second(draw_parameters(seed));
    first.run();
    second.run();
    ASSERT_EQ(first.trace_hash(), second.trace_hash()) << "seed " << seed;
  }
}

/// A node with a steady demand and a store that answers within half the time that the stock lasts.
TEST(Simulation, NobodyWaitsForACachedCounter) {
  Parameters p;
  p.definition.cache = 100'000;
  p.clients = 4;
  p.requests = 20'000;
  p.think_us = 500;
  p.delay_us = 5'000;
  p.commit_us = 10'000;
  World world(p);
  world.run();
  ASSERT_TRUE(world.report().ok());
  const Accounting accounting = world.accounting();
  EXPECT_EQ(accounting.returned, 80'001U);
  EXPECT_LT(accounting.waits, 100U) << "only until it knows the demand";
  EXPECT_EQ(accounting.burned_total(), 0U);
}

class Canaries : public ::testing::TestWithParam<NamedCanary> {
 protected:
  Canaries() { base::active_canary = GetParam().canary; }
  ~Canaries() override { base::active_canary = base::Canary::kNone; }
};

TEST_P(Canaries, AreFound) {
  for (std::uint64_t seed = 1; seed <= kCanarySeeds; ++seed) {
    World world(draw_parameters(seed));
    world.run();
    if (!world.report().ok()) {
      RecordProperty("seed", static_cast<int>(seed));
      return;
    }
  }
  FAIL() << "the bug " << GetParam().name << " of src/base/canary.h is in, and no world found it";
}

INSTANTIATE_TEST_SUITE_P(All, Canaries, ::testing::ValuesIn(kCanaries),
                         [](const auto& canary) { return test_name(canary.param.name); });

}  // namespace
}  // namespace nextid::simulation
