#include "engine/outbox.h"

#include <gtest/gtest.h>

namespace nextid::engine {
namespace {

TEST(Outbox, IsEmptyOnceItIsTaken) {
  Outbox outbox;
  EXPECT_TRUE(outbox.take().empty());
  outbox.grant({{1, nullptr, 7}, 5, {}, {}}, 10, 2);
  outbox.refuse(Ticket{2, nullptr, 0}, Error(ErrorCode::kDeadline, "late."));
  outbox.refuse(AdvanceTicket{3, nullptr}, Error(ErrorCode::kDeadline, "late."));
  outbox.advanced(AdvanceTicket{4, nullptr}, {100, {}, 0, {}});
  outbox.send({9, contract::Load{"orders", 7}});
  outbox.warn("careful.");

  const Effects effects = outbox.take();
  ASSERT_EQ(effects.grants.size(), 1U);
  EXPECT_EQ(effects.grants[0].ticket.tag, 7U);
  EXPECT_EQ(effects.grants[0].range, IdRange(10, 5, 2));
  EXPECT_EQ(effects.refusals.size(), 1U);
  ASSERT_EQ(effects.advances.size(), 2U);
  EXPECT_FALSE(effects.advances[0].counter);
  EXPECT_EQ(effects.advances[1].counter->value, 100);
  EXPECT_EQ(effects.attempt.value().number, 9U);
  EXPECT_EQ(effects.warnings.size(), 1U);
  EXPECT_TRUE(outbox.take().empty());
}

}  // namespace
}  // namespace nextid::engine
