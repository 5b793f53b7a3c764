// As what requests, commands and answers are counted.
#include <gtest/gtest.h>

#include "net/http_counting.h"
#include "net/resp_counting.h"

namespace nextid::net {
namespace {

using protocol::Problem;
using stats::Ending;
using stats::Route;

TEST(HttpCounting, KnowsCallsByWhatTheyAskFor) {
  EXPECT_EQ(counted_as(protocol::Allocate{}, "GET"), Route::kNext);
  EXPECT_EQ(counted_as(protocol::Allocate{.range = true, .key = {}}, "GET"), Route::kRange);
  EXPECT_EQ(counted_as(protocol::Status{}, "GET"), Route::kStatus);
}

TEST(HttpCounting, CountsARefusedRequestAsTheCallThatItWasToBe) {
  const auto refused = [](std::string_view path) { return Problem{.detail = {}, .path = path}; };
  EXPECT_EQ(counted_as(refused("/v1/counters/{name}/next"), "GET"), Route::kNext);
  EXPECT_EQ(counted_as(refused("/range"), "GET"), Route::kRange);
  EXPECT_EQ(counted_as(refused("/v1/counters/{name}"), "PUT"), Route::kDefine);
  EXPECT_EQ(counted_as(refused("/v1/counters/{name}"), "GET"), Route::kShow);
  EXPECT_EQ(counted_as(refused(""), "GET"), Route::kOtherHttp);
}

TEST(HttpCounting, TellsEndingsByTheProblem) {
  EXPECT_EQ(ending_of(protocol::status_reply("ok")), Ending::kOk);
  EXPECT_EQ(ending_of(protocol::problem_reply({.code = "exhausted", .detail = {}})),
            Ending::kExhausted);
}

TEST(RespCounting, KnowsCommandsInAnyCase) {
  EXPECT_EQ(counted_as("INCR"), Route::kRespIncr);
  EXPECT_EQ(counted_as("incrBy"), Route::kRespIncrby);
  EXPECT_EQ(counted_as("dbsize"), Route::kRespDbsize);
  EXPECT_EQ(counted_as("INC"), Route::kOtherResp);
  EXPECT_EQ(counted_as("other"), Route::kOtherResp);
  EXPECT_EQ(counted_as(""), Route::kOtherResp);
}

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
}  // namespace nextid::net
