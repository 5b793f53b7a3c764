// If-Match and If-None-Match as RFC 9110, 13.1 and 8.8.3 have them.
#include "http/codec/preconditions.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace nextid::http {
namespace {

using Verdict = Preconditions::Verdict;

Request request(std::string_view match, std::string_view none_match = {}) {
  Request request;
  if (!match.empty()) request.if_match = {match, 1};
  if (!none_match.empty()) request.if_none_match = {none_match, 1};
  return request;
}

Verdict verdict(const Request& request, std::string_view etag) {
  Preconditions conditions;
  const auto refusal = Preconditions::parse(request, conditions);
  EXPECT_FALSE(refusal) << refusal->detail;
  return conditions.verdict(etag);
}

TEST(Preconditions, MatchIsOfStrongTags) {
  EXPECT_EQ(verdict(request("\"3\""), "\"3\""), Verdict::kHold);
  EXPECT_EQ(verdict(request("\"3\""), "\"33\""), Verdict::kMatchFailed);
  EXPECT_EQ(verdict(request("\"3\""), ""), Verdict::kMatchFailed);
  EXPECT_EQ(verdict(request("W/\"3\""), "\"3\""), Verdict::kMatchFailed);
  EXPECT_EQ(verdict(request("W/\"3\", \"3\""), "\"3\""), Verdict::kHold);
  EXPECT_EQ(verdict(request("\"1\",,\"a,b\" ,\t\"3\","), "\"3\""), Verdict::kHold);
  EXPECT_EQ(verdict(request("\"1\", \"2,3\""), "\"3\""), Verdict::kMatchFailed);
  EXPECT_EQ(verdict(request("*"), "\"3\""), Verdict::kHold);
  EXPECT_EQ(verdict(request("*"), ""), Verdict::kMatchFailed);
}

TEST(Preconditions, NoneMatchIsOfWeakTagsToo) {
  EXPECT_EQ(verdict(request("", "\"3\""), "\"3\""), Verdict::kNoneMatchFailed);
  EXPECT_EQ(verdict(request("", "W/\"3\""), "\"3\""), Verdict::kNoneMatchFailed);
  EXPECT_EQ(verdict(request("", "\"1\", \"3\""), "\"3\""), Verdict::kNoneMatchFailed);
  EXPECT_EQ(verdict(request("", "\"1\""), "\"3\""), Verdict::kHold);
  EXPECT_EQ(verdict(request("", "\"3\""), ""), Verdict::kHold);
  EXPECT_EQ(verdict(request("", "*"), "\"3\""), Verdict::kNoneMatchFailed);
  EXPECT_EQ(verdict(request("", "*"), ""), Verdict::kHold);
}

TEST(Preconditions, MatchComesFirst) {
  EXPECT_EQ(verdict(request("\"1\"", "\"3\""), "\"3\""), Verdict::kMatchFailed);
  EXPECT_EQ(verdict(request("\"3\"", "\"3\""), "\"3\""), Verdict::kNoneMatchFailed);
  EXPECT_EQ(verdict(request("\"3\"", "\"1\""), "\"3\""), Verdict::kHold);
  EXPECT_EQ(verdict(request(""), "\"3\""), Verdict::kHold);
}

TEST(Preconditions, WhatIsNoListOfTagsIsRefused) {
  for (const std::string_view wrong :
       {"3", "\"3", "3\"", "\"3\" \"4\"", "*, \"3\"", "**", "w/\"3\"", "W/3", "\"a b\"", ",",
        "\"\x01\"", "\"\x7f\"", "\"3\"x", "'3'"}) {
    Preconditions conditions;
    const auto refusal = Preconditions::parse(request(wrong), conditions);
    ASSERT_TRUE(refusal) << wrong;
    EXPECT_EQ(refusal->status, 400U);
    EXPECT_NE(refusal->detail.find("If-Match"), std::string::npos) << refusal->detail;
    EXPECT_TRUE(Preconditions::parse(request("", wrong), conditions)) << wrong;
  }
  Request twice = request("\"3\"");
  twice.if_match.count = 2;
  Preconditions conditions;
  EXPECT_TRUE(Preconditions::parse(twice, conditions));
}

}  // namespace
}  // namespace nextid::http
