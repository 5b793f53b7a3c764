#include "resp/codec/words.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace nextid::resp {
namespace {

using Words = std::vector<std::string>;

/// Nothing when the quotes are unbalanced.
std::optional<Words> words_of(std::string_view line) {
  std::string storage;
  std::vector<std::string_view> words;
  if (split_words(line, 100, storage, words) != Split::kWhole) return std::nullopt;
  return Words(words.begin(), words.end());
}

TEST(RespWordsTest, AreSplitAtBlanksOfAnyKind) {
  EXPECT_EQ(words_of(std::string_view(" a\tb\vc\fd\re\0f  ", 14)),
            (Words{"a", "b", "c", "d", "e", "f"}));
  EXPECT_EQ(words_of(" \t"), Words{});
  EXPECT_EQ(words_of("a!b"), Words{"a!b"});
}

TEST(RespWordsTest, DoubleQuotesTakeEscapes) {
  EXPECT_EQ(words_of(R"("\n\r\t\b\a\\\"\q" "" "a b")"), (Words{"\n\r\t\b\a\\\"q", "", "a b"}));
}

TEST(RespWordsTest, DoubleQuotesTakeBytesInHexadecimal) {
  EXPECT_EQ(words_of(R"("\x4a\x4A\xfF\x00")"), Words{std::string("JJ\xff\0", 4)});
  EXPECT_EQ(words_of(R"("\x4g\xg4\x4")"), Words{"x4gxg4x4"}) << "two digits, or none";
}

TEST(RespWordsTest, SingleQuotesEscapeThemselvesAlone) {
  EXPECT_EQ(words_of(R"('it\'s' 'a\n\x41\\ ')"), (Words{"it's", R"(a\n\x41\\ )"}));
}

TEST(RespWordsTest, AClosingQuoteEndsItsWord) {
  EXPECT_EQ(words_of(R"(a"b c" 'd')"), (Words{"ab c", "d"}));
  for (const auto* line :
       {R"("a"b)", R"('a'b)", R"("a""b")", R"("a)", R"('a)", R"("a\")", R"("\)"}) {
    EXPECT_EQ(words_of(line), std::nullopt) << line;
  }
}

TEST(RespWordsTest, AreSplitNoFurtherThanTheMostThatThereMayBe) {
  std::string storage;
  std::vector<std::string_view> words;
  EXPECT_EQ(split_words("a b ", 2, storage, words), Split::kWhole);
  EXPECT_EQ(words.size(), 2U);
  EXPECT_EQ(split_words("a b c d \"", 2, storage, words), Split::kTooMany);
  EXPECT_EQ(words.size(), 2U);
}

}  // namespace
}  // namespace nextid::resp
