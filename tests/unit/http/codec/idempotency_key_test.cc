// Which texts are idempotency keys, and which of them are the same one.
#include "http/codec/idempotency_key.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/quoting.h"

namespace nextid::http {
namespace {

std::string key_of(std::string_view value) {
  std::string key;
  const auto refusal = parse_idempotency_key({value, 1}, key);
  EXPECT_FALSE(refusal) << refusal->detail;
  return key;
}

TEST(IdempotencyKey, PlainAndQuotedFormsAreOneKey) {
  const std::string longest(255, 'k');
  const std::vector<std::pair<std::string, std::string>> cases{
      {"a", "a"},
      {"\"a\"", "a"},
      {"8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"},
      {"two words", "two words"},
      {"\"two words\"", "two words"},
      {R"("say \"hi\" \\o/")", R"(say "hi" \o/)"},
      {R"(say "hi" \o/)", R"(say "hi" \o/)"},
      {R"(a\b)", R"(a\b)"},
      {"~", "~"},
      {"\" \"", " "},
      {longest, longest},
      {"\"" + longest + "\"", longest},
      // 255 characters, each escaped.
      {"\"" +
           [] {
             std::string escaped;
             for (int i = 0; i < 255; ++i) escaped += "\\\"";
             return escaped;
           }() +
           "\"",
       std::string(255, '"')},
  };
  for (const auto& [value, key] : cases) EXPECT_EQ(key_of(value), key);
}

TEST(IdempotencyKey, WithoutAFieldThereIsNone) {
  std::string key;
  EXPECT_FALSE(parse_idempotency_key({}, key));
  EXPECT_EQ(key, "");
}

TEST(IdempotencyKey, WhatIsNoKeyIsRefusedAndShown) {
  const std::vector<std::string> wrong{
      "",
      "\"",
      "\"\"",
      "\"a",
      "\"a\"b\"",
      "\"a\"; p=1",
      R"("a\")",
      R"("a\b")",
      R"("a\\\")",
      std::string(256, 'k'),
      "\"" + std::string(256, 'k') + "\"",
      "tab\there",
      "\xC3\xA4",
      "\"\xC3\xA4\"",
      "\x7F",
      std::string("a\0b", 3),
  };
  for (const auto& value : wrong) {
    std::string key;
    const auto refusal = parse_idempotency_key({value, 1}, key);
    ASSERT_TRUE(refusal) << value;
    EXPECT_EQ(refusal->status, 400U);
    EXPECT_NE(refusal->detail.find(base::in_quotes(value) + " is no key"), std::string::npos)
        << refusal->detail;
    EXPECT_EQ(key, "");
  }
}

TEST(IdempotencyKey, RepeatedFieldsAreRefused) {
  std::string key;
  const auto refusal = parse_idempotency_key({"a", 2}, key);
  ASSERT_TRUE(refusal);
  EXPECT_NE(refusal->detail.find("more than once"), std::string::npos);
}

}  // namespace
}  // namespace nextid::http
