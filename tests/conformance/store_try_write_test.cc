// A write that changes nothing that anybody reads.
#include <gtest/gtest.h>

#include "conformance/store_fixture.h"

namespace nextid::test {
namespace {

using contract::TryWrite;

class StoreTryWrite : public StoreTest {};

INSTANTIATE_TEST_SUITE_P(Stores, StoreTryWrite, testing::ValuesIn(store_rows()), row_name);

TEST_P(StoreTryWrite, MakesNoCounter) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(describe(run(store(), TryWrite{})), "Committed 0");
  EXPECT_TRUE(list(store(), "", 10).value().counters.empty());
  EXPECT_EQ(describe(run(store(), contract::Load{std::string(kDefaultCounter), 0})), "Missing");
}

TEST_P(StoreTryWrite, ChangesNoCounterAndNoRecord) {
  define("orders");
  const contract::Seq seq = now();
  committed(run(store(), reserve("orders", kAda, seq, 0, 5)));
  const contract::IdempotencyRecord record{IdRange(1, 5, 1), contract::whole_seconds(now()) + 1000,
                                           7};
  remembered(run(store(), contract::Remember{"orders", "key", record}));
  const std::string before = describe(run(store(), contract::Load{"orders", kAda}));
  EXPECT_EQ(describe(run(store(), TryWrite{})), "Committed 0");
  EXPECT_EQ(describe(run(store(), contract::Load{"orders", kAda})), before);
  EXPECT_EQ(remembered(run(store(), contract::Recall{"orders", "key"})), record);
  EXPECT_EQ(committed(run(store(), reserve("orders", kAda, seq + 1, seq))), 6);
}

TEST_P(StoreTryWrite, SharesASubmitWithOtherOps) {
  define("orders");
  const contract::Seq seq = now();
  const auto outcomes = run_all(store(), {TryWrite{}, reserve("orders", kAda, seq, 0), TryWrite{}});
  EXPECT_EQ(describe(outcomes[0]), "Committed 0");
  EXPECT_EQ(committed(outcomes[1]), 1);
  EXPECT_EQ(describe(outcomes[2]), "Committed 0");
}

}  // namespace
}  // namespace nextid::test
