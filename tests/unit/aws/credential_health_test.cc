// What `nextid doctor` and /metrics say of the credentials in use.
#include "aws/credential_health.h"

#include <chrono>
#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace nextid::aws {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::system_clock;

const system_clock::time_point kNow{seconds(1'900'000'000)};  // Sun, 17 Mar 2030 17:46:40 GMT

Credentials credentials(std::optional<system_clock::time_point> expires) {
  return {.access_key_id = "AKIA",
          .secret_access_key = "secret",
          .session_token = "token",
          .expires = expires,
          .source = "the environment"};
}

void expect(const HealthFact& fact, HealthVerdict verdict, const std::string& sentence) {
  EXPECT_EQ(fact.subject, "credentials");
  EXPECT_EQ(fact.verdict, verdict) << fact.sentence;
  EXPECT_EQ(fact.sentence, sentence);
}

TEST(CredentialHealth, SaysHowLongTheyAreValid) {
  expect(health_of(credentials({}), "", kNow), HealthVerdict::kOk,
         "They are from the environment, and do not expire.");
  expect(health_of(credentials(kNow), "", kNow - minutes(3)), HealthVerdict::kOk,
         "They are from the environment, and are valid until Sun, 17 Mar 2030 17:46:40 GMT.");
  expect(health_of(credentials(kNow), "", kNow - minutes(2)), HealthVerdict::kWarn,
         "They are from the environment, and are valid only until Sun, 17 Mar 2030 17:46:40 GMT. "
         "See that they are renewed.");
  expect(health_of(credentials(kNow), "", kNow), HealthVerdict::kFail,
         "They are from the environment, and were valid until Sun, 17 Mar 2030 17:46:40 GMT. "
         "Get new ones: log in again.");
}

TEST(CredentialHealth, SaysFirstWhyTheyAreNotRenewed) {
  expect(health_of(credentials(kNow), "no answer", kNow), HealthVerdict::kWarn,
         "They are from the environment, and can't be renewed: no answer");
}

TEST(CredentialHealth, HasTheirEndAsAFigureWhereTheyEnd) {
  const auto lasting = health_of(credentials({}), "", kNow).figures;
  ASSERT_EQ(lasting.size(), 1U);
  EXPECT_EQ(lasting[0].name, "credentials_renewal_failing");
  EXPECT_EQ(lasting[0].value, 0);
  const auto ending = health_of(credentials(kNow), "no answer", kNow).figures;
  ASSERT_EQ(ending.size(), 2U);
  EXPECT_EQ(ending[0].name, "credentials_expiry_timestamp_seconds");
  EXPECT_EQ(ending[0].value, 1'900'000'000);
  EXPECT_EQ(ending[1].name, "credentials_renewal_failing");
  EXPECT_EQ(ending[1].value, 1);
}

}  // namespace
}  // namespace nextid::aws
