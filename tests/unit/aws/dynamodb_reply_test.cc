// What each answer of DynamoDB counts as, and what it says to whoever has to act on it.
#include "aws/dynamodb_reply.h"

#include <chrono>
#include <string>

#include <boost/crc.hpp>
#include <gtest/gtest.h>

namespace nextid::aws {
namespace {

using Kind = DynamodbReply::Kind;
using std::chrono::minutes;
using std::chrono::system_clock;

const system_clock::time_point kNow = system_clock::time_point(std::chrono::hours(24 * 365 * 56));

CallContext context() {
  return {.operation = "UpdateItem",
          .table = "ids",
          .region = "eu-west-1",
          .endpoint = "https://db.example",
          .credentials_source = "the environment",
          .credentials_trouble = "",
          .now = kNow};
}

SignedAnswer answer(long status, const std::string& body) {
  SignedAnswer answer;
  answer.status = status;
  answer.body = body;
  answer.date = kNow;
  return answer;
}

SignedAnswer error(const std::string& code, const std::string& message = "", long status = 400) {
  return answer(status, R"({"__type":"com.amazonaws.dynamodb.v20120810#)" + code +
                            R"(","message":")" + message + "\"}");
}

void expect_says(const DynamodbReply& reply, const std::string& text) {
  EXPECT_NE(reply.why.find(text), std::string::npos) << reply.why;
}

std::uint32_t crc_of(const std::string& body) {
  boost::crc_32_type crc;
  crc.process_bytes(body.data(), body.size());
  return crc.checksum();
}

TEST(DynamodbReplyTest, ShowsTheServicesWordsWithoutWhatATerminalObeys) {
  const DynamodbReply refused =
      read_reply(error("ValidationException", R"(\u001b]0;owned\u0007)"), context());
  expect_says(refused, R"(DynamoDB says: \x1B]0;owned\x07)");
  const DynamodbReply failed = read_reply(error(R"(New\u001b)", "", 500), context());
  expect_says(failed, R"(New\x1B)");
  const DynamodbReply long_one =
      read_reply(error("ValidationException", std::string(5'000, 'x')), context());
  EXPECT_LT(long_one.why.size(), 1'500U);
}

TEST(DynamodbReplyTest, ReadsAnAnswer) {
  SignedAnswer whole = answer(200, R"({"Attributes":{"current_value":{"N":"7"}}})");
  whole.crc32 = crc_of(whole.body);
  const DynamodbReply reply = read_reply(whole, context());
  EXPECT_EQ(reply.kind, Kind::kDone);
  EXPECT_TRUE(reply.body.contains("Attributes"));
  EXPECT_EQ(reply.why, "");
}

TEST(DynamodbReplyTest, NeedsNoChecksum) {
  EXPECT_EQ(read_reply(answer(200, "{}"), context()).kind, Kind::kDone);
}

TEST(DynamodbReplyTest, DoubtsAnAnswerWithAWrongChecksum) {
  for (const long status : {200L, 400L}) {
    SignedAnswer damaged = error("ConditionalCheckFailedException", "", status);
    damaged.crc32 = crc_of(damaged.body) + 1;
    const DynamodbReply reply = read_reply(damaged, context());
    EXPECT_EQ(reply.kind, Kind::kInDoubt);
    expect_says(reply, "CRC32");
  }
}

TEST(DynamodbReplyTest, DoubtsWhatIsNotDynamodbs) {
  const SignedAnswer strange[] = {
      answer(200, "<html>"), answer(200, "[]"), answer(200, ""), answer(400, "<html>proxy</html>"),
      answer(400, "{}"), answer(403, R"({"error":"no"})"), answer(301, ""), answer(408, "{}"),
      error("SomethingNew", "what?"), error("InternalServerError", "", 500),
      error("ServiceUnavailable", "", 503),
      // A known name counts only with a status of the 400s.
      error("ThrottlingException", "", 500), error("ConditionalCheckFailedException", "", 502)};
  for (const SignedAnswer& each : strange) {
    const DynamodbReply reply = read_reply(each, context());
    EXPECT_EQ(reply.kind, Kind::kInDoubt) << each.body;
    EXPECT_NE(reply.why, "");
  }
}

TEST(DynamodbReplyTest, DoubtsEveryFailureOfTheConnection) {
  SignedAnswer failed;
  failed.failure = "Connection refused";
  DynamodbReply reply = read_reply(failed, context());
  EXPECT_EQ(reply.kind, Kind::kInDoubt);
  EXPECT_FALSE(reply.certificate_refused);
  expect_says(reply, "https://db.example");
  expect_says(reply, "Connection refused");

  failed.certificate_refused = true;
  reply = read_reply(failed, context());
  EXPECT_EQ(reply.kind, Kind::kInDoubt);
  EXPECT_TRUE(reply.certificate_refused);
  expect_says(reply, "ca_file=");
}

TEST(DynamodbReplyTest, KeepsTheOldItemOfAFailedCondition) {
  const DynamodbReply reply = read_reply(
      answer(400, R"({"__type":"x#ConditionalCheckFailedException","Item":{"a":{"N":"1"}}})"),
      context());
  EXPECT_EQ(reply.kind, Kind::kConditionFailed);
  EXPECT_TRUE(reply.body.contains("Item"));
}

TEST(DynamodbReplyTest, KnowsWhatAsksForFewerCalls) {
  for (const char* code : {"ProvisionedThroughputExceededException", "ThrottlingException",
                           "RequestLimitExceeded", "LimitExceededException"}) {
    const DynamodbReply reply = read_reply(error(code, "too fast"), context());
    EXPECT_EQ(reply.kind, Kind::kThrottled) << code;
    expect_says(reply, "too fast");
  }
  EXPECT_EQ(read_reply(answer(429, "{}"), context()).kind, Kind::kThrottled);
}

TEST(DynamodbReplyTest, SaysWhenTheKeyIsHot) {
  const DynamodbReply reply = read_reply(
      answer(400, R"({"__type":"x#ProvisionedThroughputExceededException","message":"slow down",)"
                  R"("ThrottlingReasons":[{"reason":"TableWriteKeyRangeThroughputExceeded"}]})"),
      context());
  EXPECT_EQ(reply.kind, Kind::kThrottled);
  expect_says(reply, "hot key");
}

TEST(DynamodbReplyTest, KnowsConflictsOfOtherWriters) {
  for (const char* code : {"TransactionConflictException", "TransactionInProgressException",
                           "ReplicatedWriteConflictException"}) {
    EXPECT_EQ(read_reply(error(code), context()).kind, Kind::kNotApplied) << code;
  }
}

TEST(DynamodbReplyTest, NamesTheMissingPermission) {
  const DynamodbReply reply =
      read_reply(error("AccessDeniedException", "User: x is not authorized"), context());
  EXPECT_EQ(reply.kind, Kind::kNotApplied);
  EXPECT_FALSE(reply.credentials_refused);
  expect_says(reply, "dynamodb:UpdateItem");
  expect_says(reply, "'ids'");
  expect_says(reply, "the environment");
}

TEST(DynamodbReplyTest, AsksForOtherCredentialsWhenTheseAreRefused) {
  for (const char* code : {"UnrecognizedClientException", "ExpiredTokenException",
                           "InvalidSignatureException", "MissingAuthenticationTokenException"}) {
    const DynamodbReply reply = read_reply(error(code), context());
    EXPECT_EQ(reply.kind, Kind::kNotApplied) << code;
    EXPECT_TRUE(reply.credentials_refused) << code;
    expect_says(reply, "the environment");
  }
}

TEST(DynamodbReplyTest, SaysWhyExpiredCredentialsAreNotRenewed) {
  CallContext troubled = context();
  troubled.credentials_trouble = "the container's endpoint is gone";
  expect_says(read_reply(error("ExpiredTokenException"), troubled),
              "the container's endpoint is gone");
}

TEST(DynamodbReplyTest, BlamesTheClockFromFourMinutesOn) {
  for (const char* code : {"InvalidSignatureException", "RequestTimeTooSkewed"}) {
    SignedAnswer refused = error(code, "Signature expired");
    refused.date = kNow - minutes(17);
    expect_says(read_reply(refused, context()), "clock is 17 minutes ahead of");
    refused.date = kNow + minutes(6);
    expect_says(read_reply(refused, context()), "clock is 6 minutes behind");
    refused.date = kNow + minutes(3);
    expect_says(read_reply(refused, context()), "the secret key from the environment");
    refused.date.reset();
    expect_says(read_reply(refused, context()), "the secret key from the environment");
  }
}

TEST(DynamodbReplyTest, KnowsTablesThatAreMissingOrBeingMade) {
  const DynamodbReply missing = read_reply(error("ResourceNotFoundException"), context());
  EXPECT_EQ(missing.kind, Kind::kTableMissing);
  expect_says(missing, "no table 'ids' in eu-west-1");
  EXPECT_EQ(read_reply(error("ResourceInUseException"), context()).kind, Kind::kTableInUse);
}

}  // namespace
}  // namespace nextid::aws
