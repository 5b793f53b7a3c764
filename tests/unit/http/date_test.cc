// The Date field of answers.
#include "http/date.h"

#include <ctime>
#include <string>

#include <gtest/gtest.h>

#include "base/time_text.h"

namespace nextid::http {
namespace {

TEST(Date, IsOfNow) {
  const std::time_t before = std::time(nullptr);
  const std::string text(date());
  const std::time_t after = std::time(nullptr);
  EXPECT_TRUE(text == base::gmt_text(before) || text == base::gmt_text(after)) << text;
  EXPECT_EQ(text.size(), std::string("Sun, 06 Nov 1994 08:49:37 GMT").size());
}

}  // namespace
}  // namespace nextid::http
