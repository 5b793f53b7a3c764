// As what answers are counted.
#include "http/counting.h"

#include <gtest/gtest.h>

namespace nextid::http {
namespace {

using stats::Ending;

TEST(HttpCounting, TellsEndingsByTheProblem) {
  EXPECT_EQ(ending_of(status_reply("ok")), Ending::kOk);
  EXPECT_EQ(ending_of(problem_reply({.code = "exhausted", .detail = {}})), Ending::kExhausted);
}

}  // namespace
}  // namespace nextid::http
