// What a state means for an op, as a table; and what a writer remembers of its ops.
#include "engine/slot_writer.h"

#include <cstdint>
#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace nextid::engine {
namespace {

using contract::CounterState;
using contract::Seq;
using contract::Slot;
using Kind = Reading::Kind;

constexpr Seq kGivenUp = 20;  // A reserve of 5 ids, which may have landed at 105.
constexpr Seq kLaterGivenUp = 30;
constexpr SlotOp kOp{40, 10};

/// Its slot is at 10 with the value 100; the ops 20 and 30 are given up, and 40 is under way.
class SlotWriterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const Seq seq : {Seq{10}, kGivenUp, kLaterGivenUp, kOp.seq}) {
      ASSERT_EQ(writer_.next_seq(seq), seq);
      if (seq == 10) writer_.applied(seq, 100);
    }
    writer_.give_up({GivenUp::Kind::kReserve, kGivenUp, 5});
    writer_.give_up({GivenUp::Kind::kAdvance, kLaterGivenUp, 0, 200});
    writer_.verify();
  }

  static CounterState state_of(std::int64_t value, std::optional<Slot> slot, Seq floor = 0) {
    return {value, {}, floor, slot};
  }

  Reading read(const CounterState& state, const SlotOp& op = kOp, std::int64_t lowest = 100) const {
    return writer_.read(state, op, {}, lowest);
  }

  SlotWriter writer_{7, 0};
};

TEST_F(SlotWriterTest, ReadsWhatAStateMeansForAnOp) {
  const struct {
    const char* what;
    CounterState state;
    Kind kind;
  } rows[] = {
      {"its own seq", state_of(110, Slot{40, 110}), Kind::kApplied},
      {"its own seq, whatever the value is by now", state_of(90, Slot{40, 110}), Kind::kApplied},
      {"the seq before it", state_of(100, Slot{10, 100}), Kind::kUnchanged},
      {"the same, and others reserved", state_of(150, Slot{10, 100}), Kind::kUnchanged},
      {"an op that was given up", state_of(105, Slot{20, 105}), Kind::kOvertaken},
      {"the later one", state_of(200, Slot{30, 100}), Kind::kOvertaken},
      {"no slot, and a floor above the op", state_of(100, {}, 41), Kind::kSlotLost},
      {"no slot, and a floor at the op", state_of(100, {}, 40), Kind::kSlotLost},
      {"no slot, and a floor below the op", state_of(100, {}, 39), Kind::kUnchanged},
      {"a value below the least", state_of(99, Slot{10, 100}), Kind::kSetBack},
      {"the same without a slot", state_of(99, {}, 41), Kind::kSetBack},
      {"a seq that was never sent", state_of(100, Slot{25, 100}), Kind::kContradiction},
      {"a seq from before", state_of(100, Slot{9, 100}), Kind::kContradiction},
  };
  for (const auto& row : rows) EXPECT_EQ(read(row.state).kind, row.kind) << row.what;
}

TEST_F(SlotWriterTest, AStrideThatHasChangedContradictsAllButTheOpItself) {
  CounterState state = state_of(110, Slot{10, 100});
  state.definition.increment = 2;
  EXPECT_EQ(read(state).kind, Kind::kContradiction);
  EXPECT_EQ(read(state).why, "its start or increment has changed, which never happens");
  state.definition = {};
  state.definition.start = 5;
  EXPECT_EQ(read(state).kind, Kind::kContradiction);
  state.slot = Slot{40, 110};
  EXPECT_EQ(read(state).kind, Kind::kApplied);
}

TEST_F(SlotWriterTest, ALoadHasNoSeqToFindOrToLose) {
  const SlotOp load{0, 10};
  EXPECT_EQ(read(state_of(100, Slot{10, 100}), load).kind, Kind::kUnchanged);
  EXPECT_EQ(read(state_of(100, {}, 1'000), load).kind, Kind::kUnchanged);
  EXPECT_EQ(read(state_of(105, Slot{20, 105}), load).kind, Kind::kOvertaken);
  EXPECT_EQ(read(state_of(99, Slot{10, 100}), load).kind, Kind::kSetBack);
}

TEST_F(SlotWriterTest, ReadingChangesNothing) {
  static_cast<void>(read(state_of(105, Slot{20, 105})));
  static_cast<void>(read(state_of(100, {}, 50)));
  EXPECT_EQ(writer_.prev(), 10U);
  EXPECT_EQ(writer_.high_water(), 100);
  EXPECT_TRUE(writer_.landed_in({20, 105}));
}

TEST_F(SlotWriterTest, AnOpThatLandedIsForgottenWithThoseBeforeIt) {
  const Reading reading = read(state_of(105, Slot{20, 105}));
  ASSERT_TRUE(reading.landed);
  EXPECT_EQ(reading.landed->count, 5U);
  writer_.landed(*reading.landed, 105);
  EXPECT_EQ(writer_.prev(), 20U);
  EXPECT_EQ(writer_.high_water(), 105);
  EXPECT_FALSE(writer_.landed_in({20, 105}));
  EXPECT_TRUE(writer_.landed_in({30, 105})) << "it may land after all, where the slot is pruned";
  writer_.verify();

  writer_.landed(*writer_.landed_in({30, 105}), 200);
  EXPECT_EQ(writer_.high_water(), 200);
  writer_.released();
  EXPECT_FALSE(writer_.may_have_slot());
}

TEST_F(SlotWriterTest, AnOpThatLandedForgetsTheEarlierOnes) {
  writer_.landed(*writer_.landed_in({30, 100}), 200);
  EXPECT_FALSE(writer_.landed_in({20, 105})) << "the floor keeps it out";
  EXPECT_EQ(writer_.prev(), 30U);
  writer_.verify();
}

TEST_F(SlotWriterTest, AnAppliedOpMakesTheOthersImpossible) {
  writer_.applied(40, 110);
  EXPECT_EQ(writer_.prev(), 40U);
  EXPECT_EQ(writer_.high_water(), 110);
  EXPECT_FALSE(writer_.landed_in({20, 105}));
  EXPECT_EQ(read(state_of(110, Slot{20, 105}), {50, 40}).kind, Kind::kContradiction);
  writer_.verify();
}

TEST_F(SlotWriterTest, ASlotThatIsLostLeavesOpsThatMayLand) {
  writer_.lose_slot();
  EXPECT_EQ(writer_.prev(), 0U);
  EXPECT_TRUE(writer_.may_have_slot());
  writer_.released();
  EXPECT_FALSE(writer_.may_have_slot());
}

TEST_F(SlotWriterTest, OnlyAGiveBackLowersTheHighWater) {
  writer_.landed({GivenUp::Kind::kReserve, kGivenUp, 5}, 95);
  EXPECT_EQ(writer_.high_water(), 100);
  writer_.gave_back(40, 90);
  EXPECT_EQ(writer_.high_water(), 90);
  EXPECT_EQ(writer_.prev(), 40U);
  writer_.may_have_gone_back(80);
  EXPECT_EQ(writer_.high_water(), 80);
  EXPECT_EQ(writer_.next_seq(0), 41U);
  writer_.landed({GivenUp::Kind::kGiveBack, 41}, 70);
  EXPECT_EQ(writer_.high_water(), 70);
  writer_.verify();
}

TEST(SlotWriter, SeqsGrowAndAreAboveTheFloorAndTheClock) {
  SlotWriter writer(7, 0);
  EXPECT_EQ(writer.next_seq(1'000), 1'000U);
  EXPECT_EQ(writer.next_seq(1'000), 1'001U);
  EXPECT_EQ(writer.next_seq(5), 1'002U) << "the clock went back";
  writer.see_floor(2'000);
  writer.see_floor(1'500);
  EXPECT_EQ(writer.floor(), 2'000U);
  EXPECT_EQ(writer.next_seq(1'003), 2'001U);
  EXPECT_EQ(writer.next_seq(9'000), 9'000U);
  writer.verify();
}

TEST(SlotWriter, SaysWhenItRemembersEnough) {
  SlotWriter writer(7, 0);
  EXPECT_FALSE(writer.may_have_slot());
  for (std::size_t i = 0; i < SlotWriter::kMaxGivenUp; ++i) {
    EXPECT_FALSE(writer.gave_up_too_many());
    writer.give_up({GivenUp::Kind::kReserve, writer.next_seq(0), 1});
  }
  EXPECT_TRUE(writer.gave_up_too_many());
  EXPECT_TRUE(writer.may_have_slot());
  writer.verify();
  writer.released();
  EXPECT_FALSE(writer.gave_up_too_many());
}

}  // namespace
}  // namespace nextid::engine
