// The checks that a world makes as it goes, each on what no engine or store of ours does.
#include "simulation/ledger.h"

#include <gtest/gtest.h>

namespace nextid::simulation {
namespace {

using history::Invariant;

constexpr contract::WriterId kWriter = 10;
constexpr contract::WriterId kOther = 11;

/// A counter of 5, 15, 25 ... 95.
class LedgerTest : public ::testing::Test {
 protected:
  LedgerTest() {
    Definition definition;
    definition.start = 5;
    definition.increment = 10;
    definition.max = 99;
    ledger.begin(1);
    ledger.committed(contract::Define{kCounter, 0, definition},
                     contract::Found{{-5, definition, 0, std::nullopt}});
  }

  void reserve(contract::WriterId writer, contract::Seq seq, std::uint64_t count) {
    const auto step = 10 * count;
    ledger.committed(contract::Reserve{kCounter, writer, seq, 0, 1, step, 1'000},
                     contract::Committed{ledger.value() + static_cast<std::int64_t>(step)});
  }

  void redefine(std::uint64_t revision, bool deletes) {
    Definition definition = *ledger.definition();
    definition.revision = revision;
    contract::CounterState state{ledger.value(), definition};
    state.deleted = deletes;
    ledger.committed(contract::Redefine{kCounter, 0, definition, deletes}, contract::Found{state});
  }

  void give_back(contract::WriterId writer, contract::Seq seq, std::int64_t new_end) {
    ledger.committed(contract::GiveBack{kCounter, writer, seq, 0, ledger.value(), new_end},
                     contract::Committed{new_end});
  }

  /// Whether `invariant`, and no other, was violated so often.
  ::testing::AssertionResult found(Invariant invariant, std::uint64_t times = 1) {
    const history::Report& report = context.report;
    if (report.count(invariant) == times && report.total() == times) {
      return ::testing::AssertionSuccess();
    }
    return ::testing::AssertionFailure()
           << report.count(invariant) << " of it, " << report.total() << " in all";
  }

  Context context{Parameters{}, false};
  Ledger ledger{context};
};

TEST_F(LedgerTest, AcceptsWhatIsRight) {
  reserve(kWriter, 1, 3);
  ledger.returned(kWriter, IdRange(5, 2, 10));
  give_back(kWriter, 2, 15);
  reserve(kOther, 3, 8);
  ledger.returned(kOther, IdRange(25, 8, 10));
  ledger.value_is(95);
  ledger.refused(1, context.next_moment(), 0);
  ledger.check_total();
  EXPECT_TRUE(context.report.ok());
}

TEST_F(LedgerTest, FindsIdThatIsNotDurable) {
  reserve(kWriter, 1, 1);
  ledger.returned(kWriter, IdRange(15, 1, 10));
  EXPECT_TRUE(found(Invariant::kDurable));
}

TEST_F(LedgerTest, FindsIdOfAnotherNode) {
  reserve(kWriter, 1, 1);
  reserve(kOther, 2, 1);
  reserve(kWriter, 3, 1);
  ledger.returned(kWriter, IdRange(5, 3, 10));
  EXPECT_TRUE(found(Invariant::kUnique));
}

TEST_F(LedgerTest, FindsIdsOffTheStride) {
  reserve(kWriter, 1, 3);
  ledger.returned(kWriter, IdRange(6, 1, 10));
  ledger.returned(kWriter, IdRange(5, 2, 5));
  EXPECT_TRUE(found(Invariant::kContiguous, 2));
}

TEST_F(LedgerTest, FindsReservationPastMax) {
  reserve(kWriter, 1, 10);
  EXPECT_TRUE(context.report.ok());
  reserve(kWriter, 2, 1);
  EXPECT_TRUE(found(Invariant::kHonest));
}

TEST_F(LedgerTest, FindsRefusalOfWhatFits) {
  reserve(kWriter, 1, 8);
  const std::uint64_t sent = context.next_moment();
  ledger.refused(3, sent, 0);
  EXPECT_TRUE(context.report.ok());
  ledger.refused(2, sent, 0);
  EXPECT_TRUE(found(Invariant::kHonest));
  ledger.refused(3, sent, 1);
  EXPECT_TRUE(found(Invariant::kHonest, 2)) << "with one in stock, three fit";
}

TEST_F(LedgerTest, AcceptsRefusalOfWhatDidNotFitForAMoment) {
  const std::uint64_t sent = context.next_moment();
  reserve(kWriter, 1, 10);
  give_back(kWriter, 2, -5);
  ledger.refused(1, sent, 0);
  EXPECT_TRUE(context.report.ok());
  ledger.refused(1, context.next_moment(), 0);
  EXPECT_TRUE(found(Invariant::kHonest));
}

TEST_F(LedgerTest, FindsValueBelowAReturnedId) {
  reserve(kWriter, 1, 3);
  ledger.returned(kWriter, IdRange(25, 1, 10));
  give_back(kWriter, 2, 15);
  EXPECT_TRUE(context.report.ok());
  ledger.value_is(15);
  EXPECT_TRUE(found(Invariant::kForwards));
}

TEST_F(LedgerTest, FindsGiveBackOfAnothersIds) {
  reserve(kOther, 1, 2);
  reserve(kWriter, 2, 1);
  give_back(kWriter, 3, 5);
  EXPECT_TRUE(found(Invariant::kForwards));
}

TEST_F(LedgerTest, KnowsWhatAWriterWasNeverTold) {
  reserve(kWriter, 1, 3);
  reserve(kWriter, 2, 2);
  ledger.told(kWriter, 1, 25);
  EXPECT_EQ(ledger.taken_by(kWriter), 5);
  EXPECT_EQ(ledger.unknown_to(kWriter), 2);
  reserve(kWriter, 1, 3);
  EXPECT_EQ(ledger.unknown_to(kWriter), 5) << "applied twice, and told once";
}

TEST_F(LedgerTest, FindsIdsOfNoOp) {
  reserve(kWriter, 1, 3);
  ledger.committed(contract::Reserve{kCounter, kWriter, 2, 0, 1, 10, 1'000},
                   contract::Committed{45});
  ledger.committed(contract::Reserve{kCounter, kWriter, 2, 0, 1, 10, 1'000},
                   contract::Committed{45});
  ledger.check_total();
  EXPECT_TRUE(found(Invariant::kAccounted));
}

TEST_F(LedgerTest, FindsAnIdOfADeletedCounter) {
  redefine(2, true);
  reserve(kWriter, 1, 1);
  // By an older revision, and of a deleted counter.
  EXPECT_EQ(context.report.count(Invariant::kHonest), 2U);
}

TEST_F(LedgerTest, FindsARefusalOfACounterThatWasNotDeleted) {
  const std::uint64_t before = context.next_moment();
  redefine(2, true);
  ledger.refused_as_deleted(before);
  redefine(3, false);
  ledger.refused_as_deleted(before);
  EXPECT_EQ(context.report.total(), 0U);
  ledger.refused_as_deleted(context.next_moment());
  EXPECT_TRUE(found(Invariant::kHonest));
}

}  // namespace
}  // namespace nextid::simulation
