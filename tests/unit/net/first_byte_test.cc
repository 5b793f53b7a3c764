// Each byte that a client may begin with.
#include "net/first_byte.h"

#include <string_view>

#include <gtest/gtest.h>

namespace nextid::net {
namespace {

TEST(FirstByteTest, TellsTextFromTls) {
  for (int number = 0; number < 256; ++number) {
    const char byte = static_cast<char>(number);
    const bool printable = number >= 32 && number < 127;
    const auto expected = number == 22                                ? FirstByte::kTls
                          : printable || number == 10 || number == 13 ? FirstByte::kText
                                                                      : FirstByte::kOther;
    EXPECT_EQ(kind_of_first_byte(byte), expected) << number;
  }
}

TEST(FirstByteTest, TakesTheFirstBytesOfOurProtocolsForText) {
  for (const char byte : std::string_view("GPDHOgp*\r\n+$")) {
    EXPECT_EQ(kind_of_first_byte(byte), FirstByte::kText) << byte;
  }
}

}  // namespace
}  // namespace nextid::net
