// As what answers are counted.
#include "resp/counting.h"

#include <gtest/gtest.h>

namespace nextid::resp {
namespace {

using stats::Ending;

TEST(RespCounting, TellsEndingsByTheCode) {
  EXPECT_EQ(ending_of_resp(":42\r\n"), Ending::kOk);
  EXPECT_EQ(ending_of_resp("-ERR no\r\n"), Ending::kInvalid);
  EXPECT_EQ(ending_of_resp("-BUSY full\r\n"), Ending::kOverloaded);
  EXPECT_EQ(ending_of_resp("-WRONGPASS x\r\n"), Ending::kUnauthorized);
  EXPECT_EQ(ending_of_resp("-NOAUTH x\r\n"), Ending::kUnauthorized);
  EXPECT_EQ(ending_of_resp("-NOPERM x\r\n"), Ending::kForbidden);
  EXPECT_EQ(ending_of_resp("-NOTFOUND x\r\n"), Ending::kNotFound);
  EXPECT_EQ(ending_of_resp("-CONFLICT x\r\n"), Ending::kConflict);
  EXPECT_EQ(ending_of_resp("-EXHAUSTED x\r\n"), Ending::kExhausted);
  EXPECT_EQ(ending_of_resp("-CORRUPT x\r\n"), Ending::kCorrupt);
  EXPECT_EQ(ending_of_resp("-UNAVAILABLE x\r\n"), Ending::kUnavailable);
  EXPECT_EQ(ending_of_resp("-DEADLINE x\r\n"), Ending::kDeadline);
  EXPECT_EQ(ending_of_resp("-STRANGE x\r\n"), Ending::kOther);
  EXPECT_EQ(ending_of_resp(""), Ending::kOk);
}

}  // namespace
}  // namespace nextid::resp
