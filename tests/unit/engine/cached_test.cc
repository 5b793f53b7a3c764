// Counters with a cache: what is reserved ahead, and what becomes of it.
#include <chrono>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "engine_driver.h"

namespace nextid::engine {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kCache = 100;

Definition cached(std::uint64_t cache = kCache) {
  Definition definition;
  definition.cache = cache;
  return definition;
}

/// An engine on a counter that nobody else uses, so that the test can play the store by rote.
class CachedTest : public ::testing::Test {
 protected:
  /// Asks for `count` ids, ticks, and commits what the engine reserves.
  std::uint64_t ask(std::uint64_t count) {
    const std::uint64_t ticket = driver_.request(count);
    driver_.tick();
    commit();
    return ticket;
  }

  void commit() {
    while (driver_.attempt) {
      EXPECT_LE(driver_.engine().held(), kCache - 1);
      value_ += static_cast<std::int64_t>(driver_.reserve().step);
      driver_.answer(contract::Committed{value_});
    }
    EXPECT_LE(driver_.engine().held(), kCache - 1);
  }

  void load(const Definition& definition = cached()) {
    driver_.request(1);
    driver_.tick();
    driver_.load(definition);
    value_ = 0;
    commit();
  }

  /// Asks for ids, one each millisecond, until the stock is as large as it gets.
  void warm_up() {
    load();
    for (int i = 0; i < 2'000; ++i) {
      driver_.tick(milliseconds(1));
      ask(1);
    }
  }

  std::uint64_t burned(BurnReason reason) {
    return driver_.engine().accounting().burned_by(reason);
  }

  /// Checks I5 with what the engine still holds.
  void expect_accounted() {
    const Accounting accounting = driver_.engine().accounting();
    EXPECT_EQ(accounting.returned + accounting.burned_total() + driver_.engine().held(),
              static_cast<std::uint64_t>(value_));
  }

  EngineDriver driver_;
  std::int64_t value_ = 0;
};

TEST_F(CachedTest, ServesWithoutTheStoreWhatIsInStock) {
  load();
  const Accounting before = driver_.engine().accounting();
  const std::uint64_t ticket = driver_.request(1);
  driver_.tick();
  EXPECT_EQ(driver_.answer_of(ticket), "2-2");
  EXPECT_EQ(driver_.engine().accounting().waits, before.waits);
}

TEST_F(CachedTest, GrowsWithTheDemandUpToTheCache) {
  load();
  EXPECT_EQ(driver_.engine().held(), 1U);
  std::uint64_t most = 0;
  for (int i = 0; i < 3'000; ++i) {
    driver_.tick(milliseconds(1));
    ask(1);
    most = std::max(most, driver_.engine().held());
  }
  EXPECT_EQ(most, kCache - 1);
  expect_accounted();
}

TEST_F(CachedTest, HoldsLittleForACounterThatIsRarelyAsked) {
  warm_up();
  for (int i = 0; i < 300; ++i) {
    driver_.tick(std::chrono::minutes(1));
    ask(1);
  }
  EXPECT_LE(driver_.engine().held(), 2U);
}

TEST_F(CachedTest, AsksForTheNextBlockWhenHalfOfThisOneIsUsed) {
  warm_up();
  while (!driver_.attempt) {
    driver_.tick(milliseconds(1));
    driver_.request(1);
    driver_.tick();
  }
  // Half is left while the store works on the other half: nobody waits.
  const std::uint64_t waits = driver_.engine().accounting().waits;
  for (std::uint64_t i = 0; i < kCache / 2 - 2; ++i) {
    const std::uint64_t ticket = driver_.request(1);
    driver_.tick();
    EXPECT_NE(driver_.answer_of(ticket), "none");
  }
  commit();
  EXPECT_EQ(driver_.engine().accounting().waits, waits);
}

TEST_F(CachedTest, RepeatsAFailedRefillUntilItSucceeds) {
  warm_up();
  while (!driver_.attempt) {
    driver_.tick(milliseconds(1));
    driver_.request(1);
    driver_.tick();
  }
  const contract::Seq seq = driver_.reserve().seq;
  for (int i = 0; i < 20; ++i) {
    driver_.answer(contract::NotApplied{"down", false});
    driver_.tick(milliseconds(500));
    ASSERT_TRUE(driver_.attempt) << "switched off after " << i << " failures";
    EXPECT_EQ(driver_.reserve().seq, seq);
  }
  commit();
  expect_accounted();
}

TEST_F(CachedTest, AdjoiningBlocksServeOneRange) {
  load();  // 1 is returned, 2 in stock.
  const std::uint64_t ticket = ask(10);
  EXPECT_EQ(driver_.answer_of(ticket), "2-11");
  EXPECT_EQ(driver_.engine().accounting().burned_total(), 0U);
  expect_accounted();
}

TEST_F(CachedTest, BurnsTheRestOfABlockThatDoesNotAdjoin) {
  load();
  value_ += 50;  // Another node.
  const std::uint64_t ticket = ask(10);
  EXPECT_EQ(driver_.answer_of(ticket), "53-62");
  EXPECT_EQ(burned(BurnReason::kDiscard), 1U);  // 2
  EXPECT_EQ(driver_.answer_of(ask(1)), "63-63");
}

TEST_F(CachedTest, FastTakersAndRequestsShareOneOrder) {
  warm_up();
  std::uint64_t last = 0;
  for (int i = 0; i < 40; ++i) {
    const std::uint64_t id = driver_.engine().lane().take();
    if (id != 0) {
      EXPECT_GT(id, last);
      last = id;
    } else {
      driver_.engine().mark_reached();
    }
    const std::uint64_t ticket = ask(2);
    const std::uint64_t start = driver_.grants.at(ticket).start();
    EXPECT_GT(start, last);
    last = start + 1;
  }
  expect_accounted();
}

TEST_F(CachedTest, ReservesLessAheadWhenThereIsLittleRoom) {
  Definition definition = cached();
  definition.max = 3;
  driver_.request(1);
  driver_.tick();
  driver_.load(definition, 0);
  EXPECT_EQ(driver_.reserve().step, 2U);
  driver_.answer(contract::Committed{2});
  const std::uint64_t two = driver_.request(2);
  driver_.tick();
  // 2 is in stock and 3 is all the store has: together they are the range.
  while (driver_.attempt) {
    const contract::Reserve op = driver_.reserve();
    if (op.limit >= 2) {
      EXPECT_EQ(op.step, 1U);
      driver_.answer(contract::Committed{3});
    } else {
      driver_.answer(contract::Refused{{2, definition, 0, contract::Slot{op.prev, 2}}});
    }
  }
  EXPECT_EQ(driver_.answer_of(two), "2-3");
  EXPECT_EQ(driver_.engine().accounting().burned_total(), 0U);
}

TEST_F(CachedTest, StopsRefillingWhenTheCounterIsExhausted) {
  Definition definition = cached();
  definition.max = 2;
  driver_.request(1);
  driver_.tick();
  driver_.load(definition, 0);
  driver_.answer(contract::Committed{2});
  const std::uint64_t last = driver_.request(1);
  driver_.tick();
  EXPECT_EQ(driver_.answer_of(last), "2-2");
  ASSERT_TRUE(driver_.attempt);
  const contract::Reserve op = driver_.reserve();
  driver_.answer(contract::Refused{{2, definition, 0, contract::Slot{op.prev, 2}}});
  driver_.tick(std::chrono::minutes(1));
  EXPECT_FALSE(driver_.attempt) << "it asks again and again";
  // Room may have come back: a request asks.
  const std::uint64_t more = driver_.request(1);
  driver_.tick();
  ASSERT_TRUE(driver_.attempt);
  definition.max = 10;
  definition.revision = 2;
  driver_.answer(contract::Refused{{2, definition, 0, contract::Slot{op.prev, 2}}});
  ASSERT_TRUE(driver_.attempt);
  EXPECT_EQ(driver_.reserve().revision, 2U);
  driver_.answer(contract::Committed{2 + static_cast<std::int64_t>(driver_.reserve().step)});
  EXPECT_EQ(driver_.answer_of(more), "3-3");
}

TEST_F(CachedTest, BurnsIdsOfDeadTicketsAndNoOthers) {
  driver_.request(1);
  driver_.tick();
  driver_.load(cached());
  const std::uint64_t gone = driver_.request(5);
  commit();
  driver_.tick();
  const std::uint64_t kept = driver_.request(3);
  if (driver_.engine().cancel(gone)) commit();
  driver_.tick();
  commit();
  EXPECT_NE(driver_.answer_of(kept), "none");
  expect_accounted();
}

// --- Closing

TEST_F(CachedTest, GivesBackTheTailAndThenTheSlot) {
  warm_up();
  const auto unused = static_cast<std::int64_t>(driver_.engine().held());
  driver_.engine().close(driver_.now() + std::chrono::seconds(5));
  driver_.tick();
  const contract::GiveBack op = driver_.give_back();
  EXPECT_EQ(op.end, value_);
  EXPECT_EQ(op.new_end, value_ - unused);
  driver_.answer(contract::Committed{op.new_end});
  EXPECT_EQ(driver_.release().prev, op.seq);
  driver_.answer(contract::Committed{op.new_end});
  EXPECT_TRUE(driver_.engine().closed());
  EXPECT_EQ(driver_.engine().accounting().burned_total(), 0U);
  EXPECT_EQ(driver_.engine().accounting().returned, static_cast<std::uint64_t>(op.new_end));
}

TEST_F(CachedTest, TheLaneGivesNothingOnceTheTailIsOffered) {
  warm_up();
  driver_.engine().close(driver_.now() + std::chrono::seconds(5));
  driver_.tick();
  driver_.engine().mark_reached();
  EXPECT_EQ(driver_.engine().lane().take(), 0U);
}

TEST_F(CachedTest, BurnsATailThatCouldNotGoBackOnceTheReleaseShowsThat) {
  warm_up();
  const std::uint64_t unused = driver_.engine().held();
  driver_.engine().close(driver_.now() + std::chrono::seconds(5));
  driver_.tick();
  const contract::GiveBack op = driver_.give_back();
  driver_.answer(contract::Refused{{value_ + 7, cached(), 0, contract::Slot{op.prev, value_}}});
  EXPECT_EQ(driver_.engine().accounting().burned_total(), 0U) << "a refusal burns nothing yet";
  EXPECT_EQ(driver_.release().prev, op.prev);
  driver_.answer(contract::Committed{value_ + 7});
  EXPECT_TRUE(driver_.engine().closed());
  EXPECT_EQ(burned(BurnReason::kDiscard), unused);
}

TEST_F(CachedTest, ALateGiveBackThatTheReleaseFindsBurnsNothing) {
  warm_up();
  driver_.engine().close(driver_.now() + std::chrono::seconds(5));
  driver_.tick();
  const contract::GiveBack op = driver_.give_back();
  driver_.answer(contract::Refused{{value_ + 7, cached(), 0, contract::Slot{op.prev, value_}}});
  driver_.answer(contract::Refused{{op.new_end, cached(), 0, contract::Slot{op.seq, op.new_end}}});
  EXPECT_EQ(driver_.release().prev, op.seq);
  driver_.answer(contract::Committed{op.new_end});
  EXPECT_TRUE(driver_.engine().closed());
  EXPECT_EQ(driver_.engine().accounting().burned_total(), 0U);
}

TEST_F(CachedTest, ARepeatedGiveBackIsKnownByItsSlot) {
  warm_up();
  driver_.engine().close(driver_.now() + std::chrono::seconds(5));
  driver_.tick();
  const contract::GiveBack op = driver_.give_back();
  driver_.answer(contract::InDoubt{"lost"});
  driver_.tick(milliseconds(500));
  EXPECT_EQ(driver_.give_back().seq, op.seq);
  driver_.answer(contract::Refused{{op.new_end, cached(), 0, contract::Slot{op.seq, op.new_end}}});
  EXPECT_EQ(driver_.release().prev, op.seq);
  EXPECT_EQ(driver_.engine().accounting().burned_total(), 0U);
}

TEST_F(CachedTest, CountsTheTailAsDiscardedWhenTheTimeIsOver) {
  warm_up();
  const std::uint64_t unused = driver_.engine().held();
  driver_.engine().close(driver_.now() + milliseconds(100));
  driver_.tick();
  ASSERT_TRUE(driver_.attempt);
  driver_.tick(milliseconds(200));
  EXPECT_TRUE(driver_.engine().closed());
  EXPECT_EQ(burned(BurnReason::kDiscard), unused);
}

TEST_F(CachedTest, AStrictCounterGivesNothingBack) {
  load(Definition{});
  driver_.engine().close(driver_.now() + std::chrono::seconds(5));
  driver_.tick();
  EXPECT_TRUE(std::holds_alternative<contract::Release>(driver_.attempt.value().op));
}

// --- Definitions

TEST_F(CachedTest, ServesOutItsBlockByTheOldRulesThenLearnsTheNewOnes) {
  warm_up();
  while (!driver_.attempt) {
    driver_.request(1);
    driver_.tick();
  }
  Definition strict;
  strict.revision = 2;
  const contract::Reserve op = driver_.reserve();
  driver_.answer(contract::Refused{{value_, strict, 0, contract::Slot{op.prev, value_}}});
  EXPECT_FALSE(driver_.attempt);
  const std::uint64_t held = driver_.engine().held();
  for (std::uint64_t i = 0; i < held; ++i) {
    const std::uint64_t ticket = driver_.request(1);
    driver_.tick();
    EXPECT_NE(driver_.answer_of(ticket), "none");
  }
  const std::uint64_t ticket = driver_.request(1);
  driver_.tick();
  EXPECT_EQ(driver_.reserve().revision, 2U);
  EXPECT_EQ(driver_.reserve().step, 1U) << "it is strict now";
  commit();
  EXPECT_NE(driver_.answer_of(ticket), "none");
}

TEST_F(CachedTest, AChangedStartOrIncrementStopsTheCounter) {
  load();
  driver_.request(50);
  driver_.tick();
  Definition other = cached();
  other.increment = 2;
  other.revision = 2;
  driver_.answer(contract::Refused{{value_, other, 0, std::nullopt}});
  EXPECT_EQ(driver_.stops.size(), 1U);
  const std::uint64_t ticket = driver_.request(1);
  driver_.tick();
  EXPECT_EQ(driver_.answer_of(ticket), "corrupt");
  EXPECT_EQ(driver_.engine().lane().take(), 0U) << "nothing more is served from the stock";
}

TEST_F(CachedTest, RefusesUnknownCountersWhereFirstUseMakesNone) {
  EngineDriver driver({}, {.creates = false});
  const std::uint64_t ticket = driver.request(1);
  driver.tick();
  driver.answer(contract::Missing{});
  EXPECT_EQ(driver.answer_of(ticket), "not_found");
  EXPECT_FALSE(driver.attempt);
  // Somebody may have defined it since.
  const std::uint64_t again = driver.request(1);
  driver.tick();
  driver.load(Definition{});
  driver.answer(contract::Committed{1});
  EXPECT_EQ(driver.answer_of(again), "1-1");
}

TEST_F(CachedTest, WritesTheDefaultCacheIntoCountersOfFirstUse) {
  EngineDriver driver({}, {.creates = true, .cache = 50});
  driver.request(1);
  driver.tick();
  driver.answer(contract::Missing{});
  EXPECT_EQ(std::get<contract::Define>(driver.attempt.value().op).definition.cache, 50U);
}

TEST_F(CachedTest, FencesOffItsGivenUpOpsBeforeThereAreTooMany) {
  Definition full;
  full.max = 1;
  driver_.request(1);
  driver_.tick();
  driver_.load(full, 1);
  int releases = 0;
  for (int i = 0; i < 500; ++i) {
    if (std::holds_alternative<contract::Release>(driver_.attempt.value().op)) {
      ++releases;
      driver_.answer(contract::Committed{1});
    } else {
      driver_.answer(contract::Refused{{1, full, 0, std::nullopt}});
      driver_.request(1);
      driver_.tick();
    }
  }
  EXPECT_GE(releases, 5);
}

// --- Cursors

TEST_F(CachedTest, LendsFromTheStockAndTakesBackWhatIsLeft) {
  warm_up();
  const std::uint64_t before = driver_.engine().held();
  const auto loan = driver_.engine().lend(10);
  ASSERT_TRUE(loan);
  EXPECT_EQ(loan->count, 10U);
  EXPECT_EQ(driver_.engine().held(), before) << "nobody asked for them yet";
  driver_.engine().settle(10, {loan->first + 4, 6, 1});
  EXPECT_EQ(driver_.engine().held(), before - 4);
  expect_accounted();
  const auto next = driver_.engine().lend(10);
  EXPECT_EQ(next->first, loan->first + 4);
  EXPECT_EQ(next->count, 6U);
}

TEST_F(CachedTest, LendsNoMoreThanHalfOfTheCache) {
  warm_up();
  std::uint64_t lent = 0;
  while (const auto loan = driver_.engine().lend(1'000)) {
    lent += loan->count;
    driver_.tick(milliseconds(1));
    commit();
  }
  EXPECT_LE(lent, kCache / 2);
  EXPECT_GT(lent, kCache / 4);
}

TEST_F(CachedTest, LendsNothingOfAStrictCounter) {
  load(Definition{});
  EXPECT_FALSE(driver_.engine().lend(10));
}

TEST_F(CachedTest, DiscardsLoansThatHaveNotEndedWhenItCloses) {
  warm_up();
  const auto loan = driver_.engine().lend(10);
  driver_.engine().close(driver_.now());
  driver_.tick(milliseconds(1));
  EXPECT_TRUE(driver_.engine().closed());
  const Accounting closed = driver_.engine().accounting();
  driver_.engine().settle(10, {loan->first + 7, 3, 1});
  EXPECT_EQ(driver_.engine().accounting().returned, closed.returned + 7);
  EXPECT_EQ(burned(BurnReason::kDiscard), closed.burned_by(BurnReason::kDiscard) - 7);
}

}  // namespace
}  // namespace nextid::engine
