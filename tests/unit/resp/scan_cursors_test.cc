#include "resp/scan_cursors.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace nextid::resp {
namespace {

TEST(ScanCursorsTest, KeepsTheLastOnes) {
  ScanCursors cursors;
  EXPECT_EQ(cursors.find(0), "");
  EXPECT_EQ(cursors.find(1), std::nullopt);
  const auto first = cursors.add("first");
  const auto second = cursors.add("second");
  EXPECT_NE(first, 0U);
  EXPECT_NE(first, second);
  for (std::size_t i = 2; i < ScanCursors::kMost; ++i) cursors.add("other");
  EXPECT_EQ(cursors.find(first), "first");

  const auto last = cursors.add("last");
  EXPECT_EQ(cursors.find(first), std::nullopt);
  EXPECT_EQ(cursors.find(second), "second");
  EXPECT_EQ(cursors.find(last), "last");
  EXPECT_EQ(cursors.find(last + 1), std::nullopt);
}

}  // namespace
}  // namespace nextid::resp
