#include "base/cat.h"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace nextid::base {
namespace {

using namespace std::string_view_literals;

enum class Strong { kOne };

TEST(CatTest, MakesASentence) {
  const std::string name = "orders";
  const std::uint64_t waiting = 12;
  EXPECT_EQ(cat("counter '", name, "' has ", waiting, " requests waiting"),
            "counter 'orders' has 12 requests waiting");
}

TEST(CatTest, TakesTextOfAllKinds) {
  const std::string text = "text";
  const char* const pointer = "pointer";
  char array[] = "array";
  EXPECT_EQ(cat(text, std::string_view("view"), "literal", pointer, array, std::string("moved")),
            "textviewliteralpointerarraymoved");
  EXPECT_EQ(cat("a\0b"sv, std::string(1, '\0')), "a\0b\0"sv);
  EXPECT_EQ(cat("", text, ""), "text");
  EXPECT_EQ(cat(), "");
}

TEST(CatTest, ACharIsItselfAndOtherBytesAreNumbers) {
  EXPECT_EQ(cat('a', ' ', '7', '\0'), "a 7\0"sv);
  EXPECT_EQ(cat(std::uint8_t{65}, ' ', std::int8_t{-65}), "65 -65");
}

TEST(CatTest, WritesTheLeastAndTheGreatestNumbers) {
  EXPECT_EQ(cat(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(cat(std::numeric_limits<std::int64_t>::max()), "9223372036854775807");
  EXPECT_EQ(cat(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
  EXPECT_EQ(cat(0, -1, 0U), "0-10");
}

TEST(CatTest, AppendsAStringToItself) {
  std::string text = "a string that is too long to lie in the object itself";
  const std::string twice = text + text;
  text += cat(text);
  EXPECT_EQ(text, twice);
}

TEST(CatTest, ReservesWhatItFills) {
  const std::string part(1000, 'x');
  EXPECT_EQ(cat(part, part, part).capacity(), 3 * part.size());
}

TEST(CatTest, RefusesWhatIsNotToBeReadAsItStands) {
  static_assert(CatPart<std::string> && CatPart<char[4]> && CatPart<char> && CatPart<int>);
  static_assert(!CatPart<bool> && !CatPart<double> && !CatPart<float>);
  static_assert(!CatPart<Strong> && !CatPart<int*> && !CatPart<std::wstring>);
}

}  // namespace
}  // namespace nextid::base
