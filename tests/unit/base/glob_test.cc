#include "base/glob.h"

#include <chrono>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace nextid::base {
namespace {

struct Case {
  std::string_view pattern;
  std::string_view text;
  bool matches;
};

TEST(GlobTest, MatchesAsRedisDoes) {
  for (const auto& [pattern, text, expected] : {
           Case{"", "", true},
           Case{"", "a", false},
           Case{"a", "", false},
           Case{"orders", "orders", true},
           Case{"orders", "orders2", false},
           Case{"orders", "Orders", false},
           Case{"*", "", true},
           Case{"*", "anything", true},
           Case{"orders:*", "orders:", true},
           Case{"orders:*", "orders:eu", true},
           Case{"orders:*", "orders", false},
           Case{"*:eu", "orders:eu", true},
           Case{"*:eu", "orders:eu:de", false},
           Case{"a*b*c", "aXbYbZc", true},
           Case{"a*b*c", "aXbYbZ", false},
           Case{"**a**", "a", true},
           Case{"h?llo", "hello", true},
           Case{"h?llo", "hllo", false},
           Case{"?", "", false},
           Case{"h[ae]llo", "hallo", true},
           Case{"h[ae]llo", "hillo", false},
           Case{"h[^e]llo", "hallo", true},
           Case{"h[^e]llo", "hello", false},
           Case{"h[^e]llo", "hllo", false},
           Case{"[a-c]", "b", true},
           Case{"[a-c]", "d", false},
           Case{"[c-a]", "b", true},
           Case{"[a-c1-3]", "2", true},
           Case{"[a-]", "-", true},
           Case{"[a-]", "b", false},
           Case{"[-a]", "-", true},
           Case{"[]", "a", false},
           Case{"[^]", "a", true},
           Case{"[\\]]", "]", true},
           Case{"[a\\-c]", "b", false},
           Case{"[a\\-c]", "-", true},
           Case{"\\*", "*", true},
           Case{"\\*", "a", false},
           Case{"\\a", "a", true},
           Case{"a\\", "a\\", true},
           Case{"[ab", "b", true},
           Case{"[ab", "c", false},
           Case{"[", "a", false},
           Case{"*[0-9]", "orders7", true},
           Case{"*[0-9]x", "a1b2x", true},
           Case{"\xff*", "\xff\xfe", true},
           Case{"[\x80-\xff]", "\xc3", true},
       }) {
    EXPECT_EQ(glob_matches(pattern, text), expected) << pattern << " for " << text;
  }
}

TEST(GlobTest, NoPatternTakesLong) {
  std::string pattern;
  for (int i = 0; i < 60; ++i) pattern += "*a";
  const std::string text(128, 'a');
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(glob_matches(pattern + "b", text));
  EXPECT_TRUE(glob_matches(pattern, text));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(100));
}

}  // namespace
}  // namespace nextid::base
