// A counter that is deleted while an engine uses it, and that comes back.
#include <cstdint>

#include <gtest/gtest.h>

#include "engine_driver.h"

namespace nextid::engine {
namespace {

using contract::CounterState;
using contract::Load;

class DeletionTest : public ::testing::Test {
 protected:
  /// As the store has it once it was deleted: of the next revision.
  static CounterState deleted(std::int64_t value, Definition definition = {},
                              std::optional<contract::Slot> slot = std::nullopt) {
    ++definition.revision;
    return {value, definition, 0, slot, true};
  }
  static CounterState back(const CounterState& state) {
    CounterState back = state;
    ++back.definition.revision;
    back.deleted = false;
    return back;
  }
  bool is_loading() const {
    return driver_.attempt && std::holds_alternative<Load>(driver_.attempt->op);
  }
  std::uint64_t discarded() {
    return driver_.engine().accounting().burned_by(BurnReason::kDiscard);
  }
  /// A request, and the tick that follows it.
  std::uint64_t ask(std::uint64_t count = 1) {
    const std::uint64_t ticket = driver_.request(count);
    driver_.tick();
    return ticket;
  }

  EngineDriver driver_;
};

TEST_F(DeletionTest, RefusesEachRequestOnceTheStoreShowsIt) {
  const std::uint64_t first = ask();
  driver_.answer(contract::Found{deleted(0)});
  EXPECT_EQ(driver_.answer_of(first), "deleted");
  EXPECT_FALSE(driver_.attempt);
  const std::uint64_t second = ask();
  ASSERT_TRUE(is_loading()) << "it may have come back";
  driver_.answer(contract::Found{deleted(0)});
  EXPECT_EQ(driver_.answer_of(second), "deleted");
}

TEST_F(DeletionTest, IsNotUndoneByAFirstUse) {
  const std::uint64_t ticket = ask();
  driver_.answer(contract::Missing{});
  ASSERT_TRUE(std::holds_alternative<contract::Define>(driver_.attempt.value().op));
  driver_.answer(contract::Found{deleted(7)});  // Somebody was faster twice.
  EXPECT_EQ(driver_.answer_of(ticket), "deleted");
}

TEST_F(DeletionTest, EndsAReserveThatWaitsForMore) {
  const std::uint64_t first = ask();
  driver_.load({}, 10);
  const std::uint64_t second = ask();
  driver_.answer(contract::Refused{deleted(10)});
  ASSERT_TRUE(is_loading()) << "whoever came later must not be refused by what was shown before";
  EXPECT_EQ(driver_.answer_of(first), "none");
  driver_.answer(contract::Found{deleted(10)});
  EXPECT_EQ(driver_.answer_of(first), "deleted");
  EXPECT_EQ(driver_.answer_of(second), "deleted");
  EXPECT_EQ(discarded(), 0U);
}

TEST_F(DeletionTest, ARequestThatComesWhileItLooksWaitsForTheNextLook) {
  const std::uint64_t first = ask();
  const std::uint64_t second = ask();
  driver_.answer(contract::Found{deleted(10)});
  EXPECT_EQ(driver_.answer_of(first), "deleted");
  EXPECT_EQ(driver_.answer_of(second), "none");
  ASSERT_TRUE(is_loading());
  driver_.answer(contract::Found{back(deleted(10))});
  EXPECT_EQ(driver_.reserve().revision, 3U);
  driver_.answer(contract::Committed{11});
  EXPECT_EQ(driver_.answer_of(second), "11-11");
}

TEST_F(DeletionTest, ARepeatOfWhatLandedBeforeItGetsItsIds) {
  const std::uint64_t ticket = ask(3);
  driver_.load({}, 10);
  const contract::Seq seq = driver_.reserve().seq;
  driver_.answer(contract::InDoubt{"no answer"});
  driver_.tick(std::chrono::seconds(1));
  driver_.answer(contract::Refused{deleted(13, {}, contract::Slot{seq, 13})});
  EXPECT_EQ(driver_.answer_of(ticket), "11-13");
}

TEST_F(DeletionTest, IdsInStockAreGivenUntilTheStoreIsAsked) {
  const contract::Seq seq = driver_.fill_stock();
  EXPECT_EQ(driver_.engine().lane().take(), 11U);
  const std::uint64_t large = ask(50);
  driver_.answer(contract::Refused{deleted(20, cached(), contract::Slot{seq, 20})});
  EXPECT_EQ(driver_.engine().lane().take(), 0U);
  EXPECT_EQ(driver_.engine().held(), 0U);
  EXPECT_EQ(discarded(), 9U);
  driver_.answer(contract::Found{deleted(20, cached(), contract::Slot{seq, 20})});
  EXPECT_EQ(driver_.answer_of(large), "deleted");
  driver_.tick(std::chrono::seconds(10));
  EXPECT_FALSE(driver_.attempt) << "there is nothing to refill";
}

TEST_F(DeletionTest, TheNodeThatDeletesItGivesNoMoreOfItsStock) {
  driver_.fill_stock();
  driver_.engine().see_deletion();
  EXPECT_EQ(driver_.engine().lane().take(), 0U);
  EXPECT_EQ(discarded(), 10U);
  const std::uint64_t ticket = ask();
  ASSERT_TRUE(is_loading());
  driver_.answer(contract::Found{deleted(20, cached())});
  EXPECT_EQ(driver_.answer_of(ticket), "deleted");
}

TEST_F(DeletionTest, ABlockThatWasReservedBeforeItIsBurned) {
  driver_.fill_stock();
  const std::uint64_t ticket = ask(50);
  const contract::Reserve op = driver_.reserve();
  driver_.engine().see_deletion();
  driver_.answer(contract::Committed{20 + static_cast<std::int64_t>(op.step)});
  EXPECT_NE(driver_.answer_of(ticket), "none") << "its ids were reserved in time";
  EXPECT_EQ(driver_.engine().held(), 0U);
}

TEST_F(DeletionTest, ComesBackAndIsCachedAgain) {
  const contract::Seq seq = driver_.fill_stock();
  driver_.engine().see_deletion();
  const std::uint64_t ticket = ask();
  driver_.answer(contract::Found{back(deleted(20, cached(), contract::Slot{seq, 20}))});
  EXPECT_EQ(driver_.reserve().revision, 3U);
  EXPECT_GT(driver_.reserve().step, 1U);
  driver_.answer(contract::Committed{20 + static_cast<std::int64_t>(driver_.reserve().step)});
  EXPECT_EQ(driver_.answer_of(ticket), "21-21");
  EXPECT_EQ(driver_.engine().lane().take(), 22U);
}

TEST_F(DeletionTest, RefusesAnAdvance) {
  const std::uint64_t at_once = driver_.request_advance(100);
  driver_.tick();
  driver_.answer(contract::Found{deleted(10)});
  EXPECT_EQ(driver_.answer_of(at_once), "deleted");

  const std::uint64_t later = driver_.request_advance(100);
  driver_.tick();
  driver_.answer(contract::Found{back(deleted(10))});
  ASSERT_EQ(driver_.advance().revision, 3U);
  driver_.answer(contract::Refused{deleted(10, back(deleted(10)).definition)});
  driver_.answer(contract::Found{deleted(10, back(deleted(10)).definition)});
  EXPECT_EQ(driver_.answer_of(later), "deleted");
}

TEST_F(DeletionTest, AnEngineOfADeletedCounterComesToRest) {
  ask();
  driver_.load();
  const contract::Seq seq = driver_.reserve().seq;
  driver_.answer(contract::Committed{1});
  ask();
  driver_.answer(contract::Refused{deleted(1, {}, contract::Slot{seq, 1})});
  driver_.answer(contract::Found{deleted(1, {}, contract::Slot{seq, 1})});
  driver_.engine().rest(driver_.now() + std::chrono::seconds(5));
  driver_.tick();
  EXPECT_EQ(driver_.release().prev, seq);
  driver_.answer(contract::Committed{1});
  EXPECT_TRUE(driver_.engine().at_rest());
}

}  // namespace
}  // namespace nextid::engine
