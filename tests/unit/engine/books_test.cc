#include "engine/books.h"

#include <cstdint>

#include <gtest/gtest.h>

namespace nextid::engine {
namespace {

TEST(Books, AddUpToWhatWasApplied) {
  Books books;
  books.verify(0);
  books.reserved(10);
  books.verify(10);
  books.returned(4);
  books.burned(BurnReason::kDeadline, 1);
  books.verify(5);
  books.went_back(3);
  books.verify(2);
  books.skipped(100);
  books.verify(2);

  const Accounting accounting = books.accounting(2);
  EXPECT_EQ(accounting.returned, 6U);
  EXPECT_EQ(accounting.burned_by(BurnReason::kDeadline), 1U);
  EXPECT_EQ(accounting.burned_by(BurnReason::kAdvance), 100U);
  EXPECT_EQ(accounting.reservations, 1U);
}

TEST(Books, MoveAnIdFromOneAccountToAnother) {
  Books books;
  books.reserved(10);
  books.returned(10);
  books.not_returned(3, BurnReason::kDisconnect);
  books.verify(0);
  EXPECT_EQ(books.accounting(0).returned, 7U);
  EXPECT_EQ(books.accounting(0).burned_by(BurnReason::kDisconnect), 3U);
  books.not_burned(BurnReason::kDisconnect, 1);
  books.verify(1);
}

TEST(Books, CountReservesByTheirRequests) {
  Books books;
  for (const std::size_t requests : {0U, 1U, 2U, 3U, 4U, 1U << 20U}) books.served(requests);
  const Accounting accounting = books.accounting(0);
  EXPECT_EQ(accounting.refills, 1U);
  EXPECT_EQ(accounting.largest_batch, 1U << 20U);
  EXPECT_EQ(accounting.batch_sizes[0], 1U);
  EXPECT_EQ(accounting.batch_sizes[1], 2U);
  EXPECT_EQ(accounting.batch_sizes[2], 1U);
  EXPECT_EQ(accounting.batch_sizes.back(), 1U) << "all larger ones, too";
}

}  // namespace
}  // namespace nextid::engine
