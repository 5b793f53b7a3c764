#include "base/wrapped.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace nextid::base {
namespace {

using Lines = std::vector<std::string>;

TEST(Wrapped, LinesAreAsLongAsTheWidthAllows) {
  EXPECT_EQ(wrapped("one two three", 7), (Lines{"one two", "three"}));
  EXPECT_EQ(wrapped("one two three", 6), (Lines{"one", "two", "three"}));
  EXPECT_EQ(wrapped("one two three", 13), (Lines{"one two three"}));
}

TEST(Wrapped, BlanksAndLineEndsOnlyPartWords) {
  EXPECT_EQ(wrapped("  a \n b  ", 80), (Lines{"a b"}));
  EXPECT_EQ(wrapped("", 80), Lines{});
  EXPECT_EQ(wrapped(" \n", 80), Lines{});
}

TEST(Wrapped, ALongerWordStandsAlone) {
  EXPECT_EQ(wrapped("a abcdefgh b", 4), (Lines{"a", "abcdefgh", "b"}));
}

TEST(Wrapped, AsText) { EXPECT_EQ(wrapped_text("one two three", 7, "# "), "# one two\n# three\n"); }

}  // namespace
}  // namespace nextid::base
