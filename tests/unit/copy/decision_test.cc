// What a copy does about one counter.
#include "copy/decision.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace nextid::copy {
namespace {

CounterInfo counter(std::optional<std::uint64_t> value, bool deleted = false) {
  return {"orders", value, Definition{.start = 5, .max = 1000, .comment = "c"}, deleted};
}

CounterInfo unfinished(std::optional<std::uint64_t> value) {
  CounterInfo info = counter(value);
  info.definition.comment = kUnfinished;
  return info;
}

Decision decided(const CounterInfo& source, const std::optional<CounterInfo>& target) {
  const auto decision = decide(source, target);
  EXPECT_TRUE(decision.has_value()) << decision.error().what();
  return decision ? *decision : Decision{};
}

std::string conflict(const CounterInfo& source, const CounterInfo& target) {
  const auto decision = decide(source, target);
  if (decision) return "none";
  EXPECT_EQ(decision.error().code(), ErrorCode::kConflict);
  return decision.error().what();
}

TEST(Decision, MakesWhatTheTargetLacks) {
  const Decision used = decided(counter(17), std::nullopt);
  EXPECT_EQ(used.fate, Fate::kMade);
  EXPECT_EQ(used.raise_to, 17U);
  EXPECT_FALSE(used.brings_back);
  EXPECT_FALSE(used.deletes);
  EXPECT_FALSE(decided(counter(std::nullopt), std::nullopt).raise_to);
}

TEST(Decision, RaisesWhatIsLowerAndKeepsTheRest) {
  const Decision lower = decided(counter(17), counter(16));
  EXPECT_EQ(lower.fate, Fate::kRaised);
  EXPECT_EQ(lower.raise_to, 17U);
  for (const std::uint64_t value : {17U, 18U}) {
    const Decision kept = decided(counter(17), counter(value));
    EXPECT_EQ(kept.fate, Fate::kKept);
    EXPECT_FALSE(kept.raise_to);
  }
  EXPECT_EQ(decided(counter(17), counter(std::nullopt)).fate, Fate::kRaised);
  EXPECT_EQ(decided(counter(std::nullopt), counter(std::nullopt)).fate, Fate::kKept);
}

TEST(Decision, RevisionsMayDiffer) {
  CounterInfo other = counter(17);
  other.definition.revision = 9;
  EXPECT_EQ(decided(counter(17), other).fate, Fate::kKept);
}

TEST(Decision, RefusesAnotherDefinition) {
  CounterInfo other = counter(1);
  other.definition.increment = 2;
  EXPECT_EQ(conflict(counter(17), other),
            "counter 'orders' has the increment 2 in the target and 1 in the source, which never "
            "changes; copy to another store.");
  other = counter(1);
  other.definition.max = 999;
  EXPECT_EQ(
      conflict(counter(17), other),
      "counter 'orders' has the max 999 in the target and 1000 in the source; make them equal "
      "with `nextid define` in the target, or copy to another store.");
  other = counter(1);
  other.definition.comment = "d";
  EXPECT_NE(conflict(counter(17), other).find("another comment"), std::string::npos);
}

// Whoever made them equal in the source would bring back there what is in use in the target.
TEST(Decision, WhatHasMovedHasADefinitionOfItsOwn) {
  CounterInfo other = counter(17);
  other.definition.max = 999;
  other.definition.cache = 50;
  other.definition.comment = "d";
  EXPECT_EQ(decided(counter(17, true), other).fate, Fate::kKept);
  other.definition.increment = 2;
  EXPECT_NE(conflict(counter(17, true), other), "none");
}

TEST(Decision, BringsBackWhatIsInUseInTheSource) {
  CounterInfo target = counter(3, true);
  target.definition.cache = 7;  // A deleted one is nobody's.
  const Decision back = decided(counter(17), target);
  EXPECT_EQ(back.fate, Fate::kBroughtBack);
  EXPECT_TRUE(back.brings_back);
  EXPECT_EQ(back.raise_to, 17U);
  EXPECT_FALSE(back.deletes);
  EXPECT_FALSE(decided(counter(17), counter(18, true)).raise_to);
  EXPECT_NE(conflict(counter(17), counter(1001, true)).find("past its max"), std::string::npos);
  target.definition.start = 6;
  EXPECT_NE(conflict(counter(17), target), "none");
}

TEST(Decision, ADeletedCounterStaysDeleted) {
  const Decision made = decided(counter(17, true), std::nullopt);
  EXPECT_EQ(made.raise_to, 17U);
  EXPECT_TRUE(made.deletes);
  EXPECT_EQ(made_of(counter(17, true)).comment, kUnfinished);
  EXPECT_EQ(made_of(counter(17)).comment, "c");

  const Decision lower = decided(counter(17, true), counter(16, true));
  EXPECT_EQ(lower.raise_to, 17U);
  EXPECT_FALSE(lower.brings_back);
  EXPECT_TRUE(lower.deletes);
  EXPECT_EQ(decided(counter(17, true), counter(17, true)).fate, Fate::kKept);
  EXPECT_FALSE(decided(counter(17, true), counter(17, true)).deletes);
}

// The deletion in the source was an earlier copy's.
TEST(Decision, WhatWasMadeBeforeStaysInUse) {
  const Decision later = decided(counter(17, true), counter(12));
  EXPECT_EQ(later.fate, Fate::kRaised);
  EXPECT_EQ(later.raise_to, 17U);
  EXPECT_FALSE(later.deletes);
}

TEST(Decision, WhatAnEarlierCopyWasToDeleteIsDeleted) {
  const Decision lower = decided(counter(17, true), unfinished(16));
  EXPECT_EQ(lower.raise_to, 17U);
  EXPECT_TRUE(lower.deletes);
  const Decision same = decided(counter(17, true), unfinished(17));
  EXPECT_FALSE(same.raise_to);
  EXPECT_TRUE(same.deletes);
  // Somebody brought it back in the source in between.
  EXPECT_TRUE(decided(counter(17), unfinished(17)).brings_back);
}

TEST(Decision, WhatIsShutIsOpenedWhoeverDeletedItInTheSource) {
  CounterInfo target = counter(17);
  target.definition = shut(target.definition, 17);
  EXPECT_EQ(target.definition.max, 17U);
  for (const bool deleted : {false, true}) {
    const Decision back = decided(counter(20, deleted), target);
    EXPECT_EQ(back.fate, Fate::kBroughtBack);
    EXPECT_TRUE(back.brings_back);
    EXPECT_FALSE(back.deletes);
    EXPECT_EQ(back.raise_to, 20U);
  }
}

TEST(Decision, OneThatIsShutHasNoRoomForAnId) {
  Definition definition = counter(std::nullopt).definition;
  EXPECT_EQ(shut(definition, 4).max, 4U);
  EXPECT_EQ(shut(definition, 5).max, 5U);
  definition.start = 1;
  EXPECT_EQ(shut(definition, 0).max, 1U) << "the least that a max can be";
}

TEST(Decision, ACounterPastItsMaxComesBackAsItIs) {
  EXPECT_TRUE(decided(counter(1001), counter(1001, true)).brings_back);
  EXPECT_NE(conflict(counter(1001), counter(1002, true)), "none");
}

TEST(Decision, WhatACopyLeftInTheSourceGoesNowhere) {
  CounterInfo left = unfinished(17);
  EXPECT_NE(conflict(left, counter(17, true)).find("has not ended"), std::string::npos);
  left.definition.comment = kShut;
  EXPECT_NE(conflict(left, counter(17, true)).find("has not ended"), std::string::npos);
  left.deleted = true;
  EXPECT_EQ(decided(left, counter(17)).fate, Fate::kKept);
}

TEST(Decision, NamesThatNoCounterHasGoNowhere) {
  CounterInfo odd = counter(17);
  odd.name = "a\"\n'b";
  EXPECT_EQ(
      conflict(odd, counter(17)),
      "the source has 'a\"\\x0A\\x27b', a name that no counter can have; rename or remove it.");
}

TEST(Decision, ACounterOfAnotherProgramGetsARevision) {
  CounterInfo foreign = counter(17);
  foreign.definition.revision = 0;
  EXPECT_EQ(made_of(foreign).revision, 1U);
}

}  // namespace
}  // namespace nextid::copy
