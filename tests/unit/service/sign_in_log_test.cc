#include "service/sign_in_log.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace nextid::service {
namespace {

using std::chrono::milliseconds;

TEST(SignInLogTest, ALineASecondTellsHowManyAndFromWhere) {
  std::vector<std::string> lines;
  base::LogFields last;
  SignInLog log([&](LogLevel level, const std::string& line, const base::LogFields& fields) {
    EXPECT_EQ(level, LogLevel::kWarning);
    lines.push_back(line);
    last = fields;
  });
  const auto begin = base::monotonic_now();
  const auto at = [&](int ms) { return begin + milliseconds(ms); };
  log.tick(at(0));
  EXPECT_TRUE(lines.empty());
  log.note("http", "192.0.2.7:1", at(0));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines.back(),
            "A token that this server does not know was refused: http from 192.0.2.7:1.");
  for (int i = 1; i <= 28; ++i) log.note("http", "192.0.2.7:" + std::to_string(i + 1), at(i));
  log.note("resp", "[2001:db8::1]:9", at(999));
  log.tick(at(999));
  ASSERT_EQ(lines.size(), 1U);
  log.tick(at(1000));
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines.back(),
            "29 tokens that this server does not know were refused: first http from 192.0.2.7:2, "
            "last resp from [2001:db8::1]:9.");
  EXPECT_EQ(std::get<std::uint64_t>(last.at(0).value), 29U);
  log.tick(at(5000));
  EXPECT_EQ(lines.size(), 2U);
  log.note("resp", "192.0.2.8:1", at(5000));
  EXPECT_EQ(lines.size(), 3U);
}

}  // namespace
}  // namespace nextid::service
