#include "resp/codec/reply.h"

#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "nextid/counter.h"

namespace nextid::resp {
namespace {

TEST(RespReplyTest, IntegersAreWhole) {
  std::string out = "before ";
  append_integer(out, static_cast<std::int64_t>(kMaxId));
  append_integer(out, 0);
  append_integer(out, -1);
  EXPECT_EQ(out, "before :9223372036854775807\r\n:0\r\n:-1\r\n");
}

TEST(RespReplyTest, TextForPeopleIsVerbatimInResp3) {
  std::string out;
  append_text(out, "a\r\nb", Version::kResp2);
  append_text(out, "a\r\nb", Version::kResp3);
  EXPECT_EQ(out, "$4\r\na\r\nb\r\n=8\r\ntxt:a\r\nb\r\n");
}

TEST(RespReplyTest, AnErrorIsOneLine) {
  std::string out;
  append_error(out, "ERR", "a\r\n+OK\r\nb\x80");
  EXPECT_EQ(out, "-ERR a\\x0D\\x0A+OK\\x0D\\x0Ab\\x80\r\n");
}

// docs/resp.md has these words.
TEST(RespReplyTest, TheFirstWordOfAnErrorTellsWhatToDo) {
  for (const auto& [code, word] :
       {std::pair<ErrorCode, std::string_view>{ErrorCode::kInvalid, "ERR"},
        {ErrorCode::kNotFound, "NOTFOUND"},
        {ErrorCode::kConflict, "CONFLICT"},
        {ErrorCode::kExhausted, "EXHAUSTED"},
        {ErrorCode::kCorrupt, "CORRUPT"},
        {ErrorCode::kOverloaded, "BUSY"},
        {ErrorCode::kLimited, "ERR"},
        {ErrorCode::kUnavailable, "UNAVAILABLE"},
        {ErrorCode::kDeadline, "DEADLINE"}}) {
    std::string out;
    append_error(out, Error(code, "Why."));
    EXPECT_EQ(out, "-" + std::string(word) + " Why.\r\n");
  }
}

}  // namespace
}  // namespace nextid::resp
