// The rules of the slot protocol, a table an op: what is read, the op, its outcome, and what is to
// be written.
#include "contract/transition.h"

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "conformance/store_harness.h"

namespace nextid::test {
namespace {

using contract::Advance;
using contract::Change;
using contract::CounterState;
using contract::Define;
using contract::GiveBack;
using contract::Load;
using contract::Redefine;
using contract::Release;
using contract::Reserve;
using contract::Seq;
using contract::Slot;
using contract::Transition;
using contract::WriterId;
using State = std::optional<CounterState>;

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr WriterId kWriter = 7;

/// The default definition with revision 3, so that it shows when a revision is not compared.
Definition definition() {
  Definition result;
  result.revision = 3;
  return result;
}

/// A counter at 10, its floor at 50, and its writer's slot at 100.
CounterState with_slot() { return {10, definition(), 50, Slot{100, 8}}; }

/// The same counter before its writer's first op, or after its slot has gone.
CounterState without_slot() { return {10, definition(), 50, std::nullopt}; }

CounterState at(std::int64_t value) {
  CounterState state = with_slot();
  state.value = value;
  return state;
}

/// The kind of an outcome, and the end of one that has it: "Committed 15", "Refused".
std::string kind_of(const contract::Outcome& outcome) {
  const std::string line = describe(outcome);
  return line.substr(0, line.find(" {"));
}

/// "nothing", or what is written, part by part: "value 15, slot 200 -> 15 replaced".
std::string parts_of(const std::optional<Change>& change) {
  if (!change) return "nothing";
  std::string text;
  const auto add = [&text](const std::string& part) {
    text.append(text.empty() ? "" : ", ").append(part);
  };
  if (change->makes_counter) add("counter");
  if (change->value) add("value " + std::to_string(*change->value));
  if (change->definition) add("revision " + std::to_string(change->definition->revision));
  if (change->deletes) add("deleted");
  if (change->floor) add("floor " + std::to_string(*change->floor));
  const std::string slot =
      "slot " + std::to_string(change->slot.seq) + " -> " + std::to_string(change->slot.end);
  switch (change->slot_write) {
    case Change::SlotWrite::kKeep:
      break;
    case Change::SlotWrite::kMake:
      add(slot + " made");
      break;
    case Change::SlotWrite::kReplace:
      add(slot + " replaced");
      break;
    case Change::SlotWrite::kRemove:
      add("slot removed");
      break;
  }
  return text;
}

/// One line of a table.
template <typename Op>
struct Row {
  std::string name;
  State state;
  Op op;
  std::string outcome;
  std::string written;
};

template <typename Op>
void check(const std::vector<Row<Op>>& rows) {
  for (const Row<Op>& row : rows) {
    const Transition transition = contract::apply(row.op, row.state);
    EXPECT_EQ(kind_of(transition.outcome), row.outcome) << row.name;
    EXPECT_EQ(parts_of(transition.change), row.written) << row.name;
    if (row.outcome != "Refused" || !row.state) continue;
    EXPECT_EQ(describe(transition.outcome), describe(contract::Refused{*row.state}))
        << row.name << ": a refusal shows what was found";
  }
}

Reserve reserve_five(Seq seq, Seq prev) { return {"c", kWriter, seq, prev, 3, 5, kMax}; }

Reserve reserve_upto(std::int64_t limit, std::uint64_t step = 5) {
  return {"c", kWriter, 200, 100, 3, step, limit};
}

Reserve with_revision(std::uint64_t revision) {
  Reserve op = reserve_five(200, 100);
  op.revision = revision;
  return op;
}

TEST(Transition, Reserve) {
  CounterState below_zero{1 - kMax, definition(), 0, std::nullopt};
  CounterState lowest{kMin, definition(), 0, std::nullopt};
  check<Reserve>({
      {"follows the slot", with_slot(), reserve_five(200, 100), "Committed 15",
       "value 15, slot 200 -> 15 replaced"},
      {"above the floor", without_slot(), reserve_five(51, 0), "Committed 15",
       "value 15, slot 51 -> 15 made"},
      {"above the floor, with a slot that has gone", without_slot(), reserve_five(200, 100),
       "Committed 15", "value 15, slot 200 -> 15 made"},
      {"no counter", std::nullopt, reserve_five(200, 100), "Missing", "nothing"},
      {"a repeat", with_slot(), reserve_five(100, 90), "Refused", "nothing"},
      {"a late copy", with_slot(), reserve_five(95, 90), "Refused", "nothing"},
      {"a slot where there should be none", with_slot(), reserve_five(200, 0), "Refused",
       "nothing"},
      {"a slot past prev", with_slot(), reserve_five(200, 99), "Refused", "nothing"},
      {"a slot before prev", with_slot(), reserve_five(200, 101), "Refused", "nothing"},
      {"at the floor", without_slot(), reserve_five(50, 0), "Refused", "nothing"},
      {"below the floor", without_slot(), reserve_five(49, 0), "Refused", "nothing"},
      {"at the floor, with the prev of a slot that has gone", without_slot(), reserve_five(50, 40),
       "Refused", "nothing"},
      {"an older revision", with_slot(), with_revision(2), "Refused", "nothing"},
      {"a newer revision", with_slot(), with_revision(4), "Refused", "nothing"},
      {"at the limit", with_slot(), reserve_upto(10), "Committed 15",
       "value 15, slot 200 -> 15 replaced"},
      {"past the limit", with_slot(), reserve_upto(9), "Refused", "nothing"},
      {"room to 2^63 - 1", at(kMax - 5), reserve_upto(kMax), "Committed " + std::to_string(kMax),
       "value " + std::to_string(kMax) + ", slot 200 -> " + std::to_string(kMax) + " replaced"},
      {"one short of room", at(kMax - 4), reserve_upto(kMax), "NotApplied", "nothing"},
      {"no room, and past the limit", at(kMax - 4), reserve_upto(kMax - 5), "Refused", "nothing"},
      {"a step past 2^63",
       below_zero,
       {"c", kWriter, 9, 0, 3, std::uint64_t{kMax} + 10, 0},
       "Committed 11",
       "value 11, slot 9 -> 11 made"},
      {"the largest step",
       lowest,
       {"c", kWriter, 9, 0, 3, std::uint64_t{kMax} * 2 + 1, 0},
       "Committed " + std::to_string(kMax),
       "value " + std::to_string(kMax) + ", slot 9 -> " + std::to_string(kMax) + " made"},
      {"the largest step, one too far",
       below_zero,
       {"c", kWriter, 9, 0, 3, std::uint64_t{kMax} * 2 + 1, 0},
       "NotApplied",
       "nothing"},
  });
}

GiveBack back(Seq seq, Seq prev, std::int64_t end, std::int64_t new_end) {
  return {"c", kWriter, seq, prev, end, new_end};
}

TEST(Transition, GiveBack) {
  CounterState tens = at(110);
  tens.definition.start = 100;
  tens.definition.increment = 10;
  CounterState wide = at(1);
  wide.definition.increment = kMaxId;
  check<GiveBack>({
      {"follows the slot", with_slot(), back(200, 100, 10, 4), "Committed 4",
       "value 4, slot 200 -> 4 replaced"},
      {"above the floor", without_slot(), back(51, 0, 10, 4), "Committed 4",
       "value 4, slot 51 -> 4 made"},
      {"all of it", with_slot(), back(200, 100, 10, 0), "Committed 0",
       "value 0, slot 200 -> 0 replaced"},
      {"no counter", std::nullopt, back(200, 100, 10, 4), "Missing", "nothing"},
      {"a repeat", with_slot(), back(100, 90, 10, 4), "Refused", "nothing"},
      {"a slot past prev", with_slot(), back(200, 99, 10, 4), "Refused", "nothing"},
      {"a slot before prev", with_slot(), back(200, 101, 10, 4), "Refused", "nothing"},
      {"at the floor", without_slot(), back(50, 0, 10, 4), "Refused", "nothing"},
      {"the counter has grown", with_slot(), back(200, 100, 9, 4), "Refused", "nothing"},
      {"the counter is lower", with_slot(), back(200, 100, 11, 4), "Refused", "nothing"},
      {"below the start", with_slot(), back(200, 100, 10, -1), "NotApplied", "nothing"},
      {"far below the start", with_slot(), back(200, 100, 10, kMin), "NotApplied", "nothing"},
      {"below the start, and not in turn", with_slot(), back(200, 99, 10, -1), "Refused",
       "nothing"},
      {"below the start, and elsewhere", with_slot(), back(200, 100, 11, -1), "Refused", "nothing"},
      {"to just before an unaligned start", tens, back(200, 100, 110, 90), "Committed 90",
       "value 90, slot 200 -> 90 replaced"},
      {"one lower", tens, back(200, 100, 110, 89), "NotApplied", "nothing"},
      {"below zero, where the counter began there", wide, back(200, 100, 1, 1 - kMax),
       "Committed " + std::to_string(1 - kMax),
       "value " + std::to_string(1 - kMax) + ", slot 200 -> " + std::to_string(1 - kMax) +
           " replaced"},
      {"one lower than that", wide, back(200, 100, 1, -kMax), "NotApplied", "nothing"},
      {"from 2^63 - 1", at(kMax), back(200, 100, kMax, kMax - 1),
       "Committed " + std::to_string(kMax - 1),
       "value " + std::to_string(kMax - 1) + ", slot 200 -> " + std::to_string(kMax - 1) +
           " replaced"},
  });
}

TEST(Transition, GiveBackAsksForNoRevision) {
  CounterState redefined = with_slot();
  redefined.definition.revision = 4;
  EXPECT_EQ(kind_of(contract::apply(back(200, 100, 10, 4), redefined).outcome), "Committed 4");
}

Advance advance(Seq seq, Seq prev, std::int64_t to, std::uint64_t revision = 3) {
  return {"c", kWriter, seq, prev, revision, to};
}

TEST(Transition, Advance) {
  check<Advance>({
      {"follows the slot", with_slot(), advance(200, 100, 30), "Committed 10",
       "value 30, slot 200 -> 10 replaced"},
      {"above the floor", without_slot(), advance(51, 0, 30), "Committed 10",
       "value 30, slot 51 -> 10 made"},
      {"no counter", std::nullopt, advance(200, 100, 30), "Missing", "nothing"},
      {"a repeat", with_slot(), advance(100, 90, 30), "Refused", "nothing"},
      {"a slot past prev", with_slot(), advance(200, 99, 30), "Refused", "nothing"},
      {"a slot before prev", with_slot(), advance(200, 101, 30), "Refused", "nothing"},
      {"at the floor", without_slot(), advance(50, 0, 30), "Refused", "nothing"},
      {"an older revision", with_slot(), advance(200, 100, 30, 2), "Refused", "nothing"},
      {"a newer revision", with_slot(), advance(200, 100, 30, 4), "Refused", "nothing"},
      {"by one", with_slot(), advance(200, 100, 11), "Committed 10",
       "value 11, slot 200 -> 10 replaced"},
      {"to where it is", with_slot(), advance(200, 100, 10), "Refused", "nothing"},
      {"to below it", with_slot(), advance(200, 100, 9), "Refused", "nothing"},
      {"to 2^63 - 1", at(kMax - 1), advance(200, 100, kMax),
       "Committed " + std::to_string(kMax - 1),
       "value " + std::to_string(kMax) + ", slot 200 -> " + std::to_string(kMax - 1) + " replaced"},
  });
}

Release release(Seq seq, Seq prev) { return {"c", kWriter, seq, prev}; }

TEST(Transition, Release) {
  CounterState high_floor = with_slot();
  high_floor.floor = 300;
  check<Release>({
      {"follows the slot", with_slot(), release(200, 100), "Committed 10",
       "floor 200, slot removed"},
      {"a seq below the slot's: the floor is the slot's", with_slot(), release(60, 100),
       "Committed 10", "floor 100, slot removed"},
      {"a floor that is higher stays", high_floor, release(200, 100), "Committed 10",
       "slot removed"},
      {"no slot", without_slot(), release(200, 0), "Committed 10", "floor 200"},
      {"no slot, and the floor is there", without_slot(), release(50, 0), "Committed 10",
       "nothing"},
      {"no slot, and the floor is higher", without_slot(), release(49, 0), "Committed 10",
       "nothing"},
      {"no slot any more", without_slot(), release(200, 100), "Committed 10", "floor 200"},
      {"no counter", std::nullopt, release(200, 100), "Missing", "nothing"},
      {"a slot past prev", with_slot(), release(200, 99), "Refused", "nothing"},
      {"a slot before prev", with_slot(), release(200, 101), "Refused", "nothing"},
      {"a slot where there should be none", with_slot(), release(200, 0), "Refused", "nothing"},
  });
}

TEST(Transition, Load) {
  EXPECT_EQ(describe(contract::apply(Load{"c", kWriter}, with_slot()).outcome),
            describe(contract::Found{with_slot()}));
  EXPECT_FALSE(contract::apply(Load{"c", kWriter}, with_slot()).change);
  EXPECT_EQ(kind_of(contract::apply(Load{"c", kWriter}, std::nullopt).outcome), "Missing");
}

TEST(Transition, DefineMakesACounterOneIncrementBelowItsFirstId) {
  const Define op{"c", kWriter, {100, 10, 5000, 20, "tens", 1}};
  const Transition made = contract::apply(op, std::nullopt);
  EXPECT_EQ(describe(made.outcome),
            describe(contract::Found{CounterState{90, op.definition, 0, std::nullopt}}));
  EXPECT_EQ(parts_of(made.change), "counter, value 90, revision 1");
  EXPECT_EQ(made.change->definition, op.definition);
}

TEST(Transition, DefineFindsWhatIsThere) {
  const Transition found =
      contract::apply(Define{"c", kWriter, {100, 10, 5000, 20, "", 1}}, with_slot(), 40);
  EXPECT_EQ(describe(found.outcome), describe(contract::Found{with_slot()}));
  EXPECT_FALSE(found.change);
}

TEST(Transition, DefineLeavesIdsOutAsFarAsThereIsRoom) {
  const auto value_of = [](const Definition& definition, std::uint64_t skipped_ids) {
    const Transition made =
        contract::apply(Define{"c", kWriter, definition}, std::nullopt, skipped_ids);
    EXPECT_EQ(made.change->value, found(made.outcome).value);
    return *made.change->value;
  };
  const Definition tens{100, 10, 5000, 1, "", 1};
  EXPECT_EQ(value_of(tens, 0), 90);
  EXPECT_EQ(value_of(tens, 3), 120);
  EXPECT_EQ(value_of(tens, 491), 5000);
  EXPECT_EQ(value_of(tens, 492), 5000);
  EXPECT_EQ(value_of(tens, kMaxId), 5000) << "the distance passes 64 bits";
  EXPECT_EQ(value_of({1, std::uint64_t{1} << 33, 7000, 1, "", 1}, std::uint64_t{1} << 31), 7000)
      << "the distance is 2^64, which is 0 where it wraps";
  EXPECT_EQ(value_of({100, 1, kMaxId, 1, "", 1}, kMaxId), kMax) << "the value passes 63 bits";
  EXPECT_EQ(value_of({1, kMaxId, kMaxId, 1, "", 1}, 1), 1);
}

Definition changed(std::uint64_t revision, std::uint64_t max = kMaxId) {
  return {1, 1, max, 9, "new", revision};
}

TEST(Transition, Redefine) {
  Definition other_start = changed(4);
  other_start.start = 2;
  Definition other_increment = changed(4);
  other_increment.increment = 2;
  CounterState foreign = with_slot();
  foreign.definition.revision = 0;
  check<Redefine>({
      {"the next revision", with_slot(), {"c", kWriter, changed(4)}, "Found", "revision 4"},
      {"the first of a counter without one",
       foreign,
       {"c", kWriter, changed(1)},
       "Found",
       "revision 1"},
      {"no counter", std::nullopt, {"c", kWriter, changed(4)}, "Missing", "nothing"},
      {"the same revision", with_slot(), {"c", kWriter, changed(3)}, "Refused", "nothing"},
      {"a revision too far", with_slot(), {"c", kWriter, changed(5)}, "Refused", "nothing"},
      {"another start", with_slot(), {"c", kWriter, other_start}, "Refused", "nothing"},
      {"another increment", with_slot(), {"c", kWriter, other_increment}, "Refused", "nothing"},
      {"a max at the value", with_slot(), {"c", kWriter, changed(4, 10)}, "Found", "revision 4"},
      {"a max below the value", with_slot(), {"c", kWriter, changed(4, 9)}, "Refused", "nothing"},
      {"a max below 2^63 - 1, where the value is",
       at(kMax),
       {"c", kWriter, changed(4, kMaxId - 1)},
       "Refused",
       "nothing"},
  });
}

CounterState deleted(CounterState state) {
  state.deleted = true;
  return state;
}

TEST(Transition, Deletion) {
  const Redefine deletion{"c", kWriter, changed(4), true};
  const Redefine below_the_value{"c", kWriter, changed(4, 9), true};
  check<Redefine>({
      {"of the next revision", with_slot(), deletion, "Found", "revision 4, deleted"},
      {"above its max, where another program put it", with_slot(), below_the_value, "Found",
       "revision 4, deleted"},
      {"a repeat", deleted(with_slot()), {"c", kWriter, changed(3), true}, "Refused", "nothing"},
      {"no counter", std::nullopt, deletion, "Missing", "nothing"},
      {"brought back", deleted(with_slot()), {"c", kWriter, changed(4)}, "Found", "revision 4"},
      {"brought back above, past its max",
       deleted(with_slot()),
       {"c", kWriter, changed(4, 9), false, Redefine::Raise{10, 30}},
       "Found",
       "value 30, revision 4"},
      {"raised as a tombstone",
       deleted(with_slot()),
       {"c", kWriter, changed(4), true, Redefine::Raise{10, 30}},
       "Found",
       "value 30, revision 4, deleted"},
      {"of another value",
       deleted(with_slot()),
       {"c", kWriter, changed(4), true, Redefine::Raise{11, 30}},
       "Refused",
       "nothing"},
  });
  const CounterState shown = found(contract::apply(deletion, with_slot()).outcome);
  EXPECT_TRUE(shown.deleted);
  EXPECT_EQ(shown.value, 10);
  EXPECT_EQ(shown.slot, (Slot{100, 8}));
  EXPECT_FALSE(
      found(contract::apply(Redefine{"c", kWriter, changed(4)}, deleted(with_slot())).outcome)
          .deleted);
}

TEST(Transition, ADeletedCounterGivesNothing) {
  check<Reserve>({
      {"in turn", deleted(with_slot()), reserve_five(200, 100), "Refused", "nothing"},
      {"a repeat", deleted(with_slot()), reserve_five(100, 90), "Refused", "nothing"},
  });
  check<Advance>({{"in turn", deleted(with_slot()), advance(200, 100, 30), "Refused", "nothing"}});
}

TEST(Transition, ADeletedCounterTakesTailsAndSlotsBack) {
  check<GiveBack>({{"its tail", deleted(with_slot()), back(200, 100, 10, 4), "Committed 4",
                    "value 4, slot 200 -> 4 replaced"}});
  check<Release>({{"its slot", deleted(with_slot()), release(200, 100), "Committed 10",
                   "floor 200, slot removed"}});
  const Transition defined =
      contract::apply(Define{"c", kWriter, definition()}, deleted(with_slot()));
  EXPECT_EQ(describe(defined.outcome), describe(contract::Found{deleted(with_slot())}));
  EXPECT_FALSE(defined.change);
}

TEST(Transition, RedefineShowsAndWritesTheNewDefinition) {
  const Transition transition = contract::apply(Redefine{"c", kWriter, changed(4)}, with_slot());
  CounterState expected = with_slot();
  expected.definition = changed(4);
  EXPECT_EQ(describe(transition.outcome), describe(contract::Found{expected}));
  EXPECT_EQ(transition.change->definition, changed(4));
}

TEST(Transition, PrunesSlotsThatWereIdleForLongerThanTheLimit) {
  const auto limit_us =
      static_cast<std::uint64_t>(std::chrono::microseconds(contract::kSlotIdleLimit).count());
  EXPECT_EQ(contract::pruned_below(0), 0u);
  EXPECT_EQ(contract::pruned_below(limit_us), 0u);
  EXPECT_EQ(contract::pruned_below(limit_us + 1), 1u);
  EXPECT_EQ(contract::pruned_below(limit_us + 500), 500u) << "one of seq 500 is as old as allowed";
  EXPECT_EQ(contract::pruned_below(std::numeric_limits<std::uint64_t>::max()), kMaxId);
}

}  // namespace
}  // namespace nextid::test
