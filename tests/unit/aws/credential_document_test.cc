// Times and keys as sources write them down.
#include "aws/credential_document.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "aws_test_support.h"

namespace nextid::aws {
namespace {

using testing::contains;
using testing::keys_json;
using testing::time_from_now;
using testing::what;

// Seconds since 1970; -1 for a text that is no time.
std::int64_t seconds(std::string_view text) {
  const auto time = parse_expiry(text);
  if (!time) return -1;
  return std::chrono::duration_cast<std::chrono::seconds>(time->time_since_epoch()).count();
}

TEST(ExpiryTest, ReadsTheFormsThatAwsProgramsWrite) {
  EXPECT_EQ(seconds("2026-11-25T12:00:00Z"), 1795608000);
  EXPECT_EQ(seconds("2026-11-25T12:00:00.123456789Z"), 1795608000);
  EXPECT_EQ(seconds("2026-11-25T12:00:00+00:00"), 1795608000);
  EXPECT_EQ(seconds("2026-11-25T13:30:00+01:30"), 1795608000);
  EXPECT_EQ(seconds("2026-11-25T07:00:00.5-0500"), 1795608000);
  EXPECT_EQ(seconds("2024-02-29T00:00:00Z"), 1709164800);
  EXPECT_EQ(seconds("9999-12-31T23:59:59Z"), seconds("2200-12-31T23:59:59Z"))
      << "far times must not wrap";
  EXPECT_EQ(seconds("9996-02-29T23:59:59Z"), seconds("2200-12-31T23:59:59Z"));
  EXPECT_EQ(seconds("0001-01-01T00:00:00Z"), 0) << "as programs write that none is set";
}

TEST(ExpiryTest, RefusesEverythingElse) {
  for (const char* text :
       {"", "tomorrow", "2026-11-25", "2026-11-25T12:00:00", "2026-11-25T12:00Z",
        "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-11-25T24:00:00Z",
        "2026-11-25T12:60:00Z", "2026-11-25T12:00:00Zx", "2026-11-25T12:00:00.Z",
        "2026-11-25T12:00:00+0", "-026-11-25T12:00:00Z", "1795608000", "2026-11-25 12:00:00Z"}) {
    EXPECT_EQ(seconds(text), -1) << text;
  }
}

TEST(CredentialDocumentTest, ReadsKeysTokenAndExpiry) {
  const Credentials credentials =
      parse_credentials_json(keys_json("AKIDONE"), "Token", "a source").value();
  EXPECT_EQ(credentials.access_key_id, "AKIDONE");
  EXPECT_EQ(credentials.secret_access_key, "role-secret");
  EXPECT_EQ(credentials.session_token, "role-token");
  EXPECT_EQ(credentials.source, "a source");
  ASSERT_TRUE(credentials.expires);
  EXPECT_GT(*credentials.expires, std::chrono::system_clock::now() + std::chrono::hours(5));

  const Credentials plain =
      parse_credentials_json(
          R"({"AccessKeyId": "A", "SecretAccessKey": "B", "Token": null, "Expiration": null})",
          "Token", "a source")
          .value();
  EXPECT_EQ(plain.session_token, "");
  EXPECT_FALSE(plain.expires);
}

TEST(CredentialDocumentTest, RefusesWhatIsNoneWithoutShowingIt) {
  const std::string good = R"({"AccessKeyId": "KEY", "SecretAccessKey": "SECRET")";
  const std::string past = time_from_now(std::chrono::seconds(-5));
  const std::pair<std::string, std::string> cases[] = {
      {"SECRET", "no JSON object"},
      {"[]", "no JSON object"},
      {"{}", "no AccessKeyId"},
      {R"({"AccessKeyId": "KEY"})", "no SecretAccessKey"},
      {R"({"AccessKeyId": 7, "SecretAccessKey": "SECRET"})", "AccessKeyId is no string"},
      {R"({"AccessKeyId": "", "SecretAccessKey": "SECRET"})", "no access key id"},
      {R"({"AccessKeyId": "KEY", "SecretAccessKey": "SECRET\n"})", "line break"},
      {good + R"(, "Token": "SECRET\r\nX-Evil: 1"})", "line break"},
      {good + R"(, "Expiration": 1795608000})", "Expiration is no string"},
      {good + R"(, "Expiration": "soon"})", "no time like"},
      {good + R"(, "Expiration": ")" + past + R"("})", "expired at " + past},
  };
  for (const auto& [text, reason] : cases) {
    const auto credentials = parse_credentials_json(text, "Token", "the oracle");
    ASSERT_TRUE(credentials.has_error()) << text;
    EXPECT_TRUE(contains(what(credentials), reason)) << what(credentials);
    EXPECT_TRUE(contains(what(credentials), "the oracle")) << what(credentials);
    EXPECT_FALSE(contains(what(credentials), "SECRET")) << what(credentials);
    EXPECT_FALSE(contains(what(credentials), "KEY")) << what(credentials);
  }
}

TEST(CredentialDocumentTest, ReadsTheReasonOfAFailure) {
  EXPECT_EQ(parse_failure_json(R"({"code": "NoRole", "message": "x\ny"})"), "NoRole: x\\x0Ay");
  EXPECT_EQ(parse_failure_json(R"({"Code": "Denied"})"), "Denied");
  EXPECT_EQ(parse_failure_json(keys_json()), "");
  EXPECT_EQ(parse_failure_json("<html>"), "");
  EXPECT_LT(parse_failure_json(R"({"Code": ")" + std::string(5000, 'x') + "\"}").size(), 400U);
}

}  // namespace
}  // namespace nextid::aws
