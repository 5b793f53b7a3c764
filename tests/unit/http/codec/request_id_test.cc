#include "http/codec/request_id.h"

#include <string>

#include <gtest/gtest.h>

namespace nextid::http {
namespace {

TEST(RequestIdTest, TakesPrintableTextOfBoundedSize) {
  const std::string longest(kMaxRequestIdBytes, 'x');
  for (const std::string& good : {std::string("7"), std::string("a b/\"~"), longest}) {
    std::string id;
    EXPECT_FALSE(parse_request_id({good, 1}, id));
    EXPECT_EQ(id, good);
  }
  std::string id;
  EXPECT_FALSE(parse_request_id({}, id));
  EXPECT_EQ(id, "");
}

TEST(RequestIdTest, RefusesTheRest) {
  for (const std::string& bad :
       {std::string(), std::string(kMaxRequestIdBytes + 1, 'x'), std::string("a\tb"),
        std::string("a\x7f"), std::string("\xc3\xa9")}) {
    std::string id;
    const auto refusal = parse_request_id({bad, 1}, id);
    ASSERT_TRUE(refusal) << bad;
    EXPECT_EQ(refusal->status, 400U);
    EXPECT_EQ(id, "");
  }
}

TEST(RequestIdTest, OfSeveralTheFirstNamesTheRequest) {  // HAProxy adds one to the client's.
  std::string id;
  EXPECT_FALSE(parse_request_id({"7", 2}, id));
  EXPECT_EQ(id, "7");
}

}  // namespace
}  // namespace nextid::http
