// Bodies of the calls that change a counter: what is taken, and how each wrong one is refused.
#include "http/codec/definition_body.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace nextid::http {
namespace {

Request request(std::string_view body) {
  Request result;
  result.body = body;
  return result;
}

DefinitionChange taken(std::string_view body) {
  DefinitionChange change;
  const auto refusal = parse_definition(request(body), "orders", change);
  EXPECT_FALSE(refusal) << body << ": " << refusal->detail;
  return change;
}

std::string refused(std::string_view body) {
  DefinitionChange change;
  const auto refusal = parse_definition(request(body), "orders", change);
  EXPECT_TRUE(refusal) << body << " was taken";
  if (!refusal) return "";
  EXPECT_EQ(refusal->status, 400U);
  EXPECT_EQ(refusal->code, "invalid");
  return refusal->detail;
}

TEST(DefinitionBody, NumbersAtTheirLimits) {
  EXPECT_EQ(taken(R"({"start":1})").start, 1U);
  EXPECT_EQ(taken(R"({"max":9223372036854775807})").max, kMaxId);
  EXPECT_EQ(taken(R"({"max":"9223372036854775807"})").max, kMaxId);
  EXPECT_EQ(taken(R"({"revision":0})").revision, 0U) << "of an item that another program made";
  for (const auto* name : {"start", "increment", "max", "cache"}) {
    for (const auto* number : {"0",
                               "-1",
                               "1e3",
                               "9223372036854775808",
                               "18446744073709551616",
                               "-0",
                               "\"0\"",
                               "\"-1\"",
                               "\"+1\"",
                               "\" 1\"",
                               "\"1.0\"",
                               "\"ten\"",
                               "\"\"",
                               "\"9223372036854775808\"",
                               "\"0x10\"",
                               "null",
                               "true",
                               "[1]",
                               "{\"a\":1}",
                               "[[[[[[]]]]]]"}) {
      const auto sentence = refused("{\"" + std::string(name) + "\":" + number + "}");
      EXPECT_NE(sentence.find("'" + std::string(name) + "' is "), std::string::npos) << sentence;
      EXPECT_NE(sentence.find("a whole number from 1 to 9223372036854775807"), std::string::npos)
          << sentence;
    }
  }
}

TEST(DefinitionBody, CommentsAtTheirLimit) {
  const std::string longest(kMaxCommentBytes, 'c');
  EXPECT_EQ(taken("{\"comment\":\"" + longest + "\"}").comment, longest);
  EXPECT_EQ(taken(R"({"comment":""})").comment, "");
  EXPECT_EQ(taken(R"({"comment":"42"})").comment, "42");
  EXPECT_EQ(taken(R"({"comment":"\u20ac"})").comment, "\xE2\x82\xAC");
  for (const auto& body : {"{\"comment\":\"" + longest + "c\"}", std::string(R"({"comment":42})"),
                           std::string(R"({"comment":null})")}) {
    EXPECT_NE(refused(body).find("it must be text of at most 512 bytes"), std::string::npos);
  }
  for (const auto* body : {"{\"comment\":\"\xFF\"}", "{\"comment\":\"\xC3\"}",
                           "{\"comment\":\"\xED\xA0\x80\"}", R"({"comment":"\ud800"})"}) {
    const auto sentence = refused(body);
    EXPECT_NE(sentence.find("UTF-8"), std::string::npos) << sentence;
    EXPECT_NE(sentence.find("in the field 'comment'"), std::string::npos) << sentence;
  }
}

TEST(DefinitionBody, FieldsAreKnownAndGivenOnce) {
  EXPECT_NE(refused(R"({"step":1})").find("'step' is unknown; this call takes 'start', "),
            std::string::npos);
  EXPECT_NE(refused(R"({"values":1})").find("'values' is unknown"), std::string::npos);
  EXPECT_NE(refused(R"({"Max":1})").find("'Max' is unknown"), std::string::npos);
  EXPECT_NE(refused(R"({"stat":1})").find("; did you mean 'start'?"), std::string::npos);
  EXPECT_NE(refused(R"({"max\u0000":1})").find("'max\\x00' is unknown"), std::string::npos);
  EXPECT_NE(refused(R"({"max":1,"cache":1,"max":1})").find("'max' is given more than once"),
            std::string::npos);
  EXPECT_NE(refused(R"({"max":1,"m\u0061x":2})").find("'max' is given more than once"),
            std::string::npos);
}

TEST(DefinitionBody, WhatIsNoJsonIsToldWhere) {
  EXPECT_NE(refused(R"({"max":1)").find("at byte 8."), std::string::npos);
  EXPECT_NE(refused(R"({"max":1} x)").find("at byte 10, before 'x'."), std::string::npos);
  EXPECT_NE(refused(R"({"max" 1})").find("at byte 7, before '1}'"), std::string::npos);
  for (const auto* body :
       {" ", "{", "}", "max=5", "{'max':5}", R"({"max":5,})", R"({"max":NaN})",
        R"({"max":5}{"max":6})", R"({max:5})", "{} // no", "\xEF\xBB\xBF{}", "{\"max\":\"1\n\"}"}) {
    const auto sentence = refused(body);
    EXPECT_NE(sentence.find("no JSON in UTF-8: "), std::string::npos) << sentence;
    EXPECT_NE(sentence.find(" at byte "), std::string::npos) << sentence;
  }
}

TEST(DefinitionBody, OtherJsonIsNoObject) {
  for (const auto* body : {"[]", "[{\"max\":1}]", "1", "1.5", "\"max\"", "true", "[[[[["}) {
    EXPECT_NE(refused(body).find("it must be a JSON object"), std::string::npos) << body;
  }
  EXPECT_NE(refused(std::string(60'000, '[')).find("it must be a JSON object"), std::string::npos);
}

TEST(DefinitionBody, SentencesStayShort) {
  const std::string long_text(60'000, 'x');
  EXPECT_LT(refused("{\"" + long_text + "\":1}").size(), 300U);
  EXPECT_LT(refused("{\"max\":\"" + long_text + "\"}").size(), 300U);
  EXPECT_LT(refused("{\"max\":" + std::string(60'000, '9') + "}").size(), 300U);
  EXPECT_LT(refused("{\"max\":1" + long_text).size(), 300U);
}

// --- Content types

TEST(DefinitionBody, TakesJsonByAnyOfItsNames) {
  for (const auto* type :
       {"application/json", "Application/JSON", "application/json; charset=utf-8",
        "application/json ;x=y", "application/merge-patch+json", "application/x+JSON"}) {
    Request json = request(R"({"max":5})");
    json.content_type = {type, 1};
    DefinitionChange change;
    EXPECT_FALSE(parse_definition(json, "orders", change)) << type;
    EXPECT_EQ(change.max, 5U);
  }
}

TEST(DefinitionBody, RefusesOtherContentTypes) {
  for (const auto* type : {"", "text/plain", "application/x-www-form-urlencoded", "json",
                           "text/plain; x=application/json", "application/jsonx",
                           "xapplication/json", "application/json+xml"}) {
    Request other = request("{}");
    other.content_type = {type, 1};
    DefinitionChange change;
    std::uint64_t to = 0;
    for (const auto& refusal :
         {parse_definition(other, "orders", change), parse_advance(other, to)}) {
      ASSERT_TRUE(refusal) << type;
      EXPECT_EQ(refusal->status, 400U);
      EXPECT_NE(refusal->detail.find("'" + std::string(type) + "'"), std::string::npos);
      EXPECT_NE(refusal->detail.find("application/json"), std::string::npos);
    }
  }
  Request twice = request("{}");
  twice.content_type = {"application/json", 2};
  DefinitionChange change;
  EXPECT_TRUE(parse_definition(twice, "orders", change));
}

// --- Advance

TEST(AdvanceBody, NeedsItsField) {
  std::uint64_t to = 0;
  EXPECT_FALSE(parse_advance(request(R"({"to":1})"), to));
  EXPECT_EQ(to, 1U);
  for (const auto* body : {"", "{}", "null", " null\n"}) {
    const auto refusal = parse_advance(request(body), to);
    ASSERT_TRUE(refusal);
    EXPECT_NE(refusal->detail.find("'to' is missing"), std::string::npos) << refusal->detail;
  }
  for (const auto* body : {R"({"to":0})", R"({"to":9223372036854775808})", R"({"to":-1})",
                           R"({"to":1.5})", R"({"to":null})", R"({"to":[]})"}) {
    const auto refusal = parse_advance(request(body), to);
    ASSERT_TRUE(refusal) << body;
    EXPECT_NE(refusal->detail.find("'to' is "), std::string::npos) << refusal->detail;
  }
  EXPECT_TRUE(parse_advance(request(R"({"to":1,"max":2})"), to));
  EXPECT_TRUE(parse_advance(request(R"({"to":1,"to":1})"), to));
  EXPECT_TRUE(parse_advance(request("5"), to));
  EXPECT_EQ(to, 1U);
}

TEST(DefinitionBody, AnAnswerCanBeSentBack) {
  const auto change =
      taken(R"({"name":"orders","value":7,"start":1,"increment":1,"max":"9223372036854775807",)"
            R"("cache":1,"comment":"","revision":3})");
  EXPECT_EQ(change.revision, 3U);
  EXPECT_EQ(change.max, kMaxId);
  EXPECT_EQ(taken(R"({"name":"orders","value":null,"cache":5})").cache, 5U);
  EXPECT_NE(refused(R"({"value":5})").find("POST .../advance raises"), std::string::npos);
  DefinitionChange none;
  for (const char* wrong :
       {R"({"name":"others"})", R"({"name":null})", R"({"name":"orders","value":-1})",
        R"({"name":"orders","value":"x"})", R"({"cache":null})"}) {
    EXPECT_TRUE(parse_definition(request(wrong), "orders", none)) << wrong;
  }
}

TEST(DefinitionBody, AWholeNumberMayHaveAFractionOfZeros) {
  EXPECT_EQ(taken(R"({"cache":131072.0})").cache, 131072U);
  EXPECT_EQ(taken(R"({"max":9223372036854775807.000})").max, kMaxId);
  DefinitionChange none;
  for (const char* wrong : {R"({"cache":1.5})", R"({"cache":1.05})", R"({"cache":-1.0})",
                            R"({"cache":1e3})", R"({"cache":1.0e1})"}) {
    EXPECT_TRUE(parse_definition(request(wrong), "orders", none)) << wrong;
  }
}

}  // namespace
}  // namespace nextid::http
