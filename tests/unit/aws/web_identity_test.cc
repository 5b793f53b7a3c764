// A role by a token of another identity provider, with STS played by a server of the test's own.
#include "aws/web_identity.h"

#include <atomic>
#include <string>

#include <gtest/gtest.h>

#include "aws_test_support.h"
#include "fake_environment.h"
#include "local_http_server.h"
#include "unit/node/scratch_dir.h"

namespace nextid::aws {
namespace {

using testing::contains;
using testing::FakeEnvironment;
using testing::HttpCall;
using testing::HttpReply;
using testing::LocalHttpServer;
using testing::what;
using testing::write_file;

std::string keys_xml(const std::string& expiration) {
  return R"(<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult><Credentials>
    <SessionToken>sts-token</SessionToken><SecretAccessKey>sts-secret</SecretAccessKey>
    <Expiration>)" +
         expiration + R"(</Expiration><AccessKeyId>AKIDSTS</AccessKeyId>
  </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>)";
}

std::string error_xml(const std::string& code, const std::string& message) {
  return "<ErrorResponse><Error><Type>Sender</Type><Code>" + code + "</Code><Message>" + message +
         "</Message></Error><RequestId>1</RequestId></ErrorResponse>";
}

class WebIdentityTest : public ::testing::Test {
 protected:
  WebIdentityTest() {
    write_file(dir.path() / "token", "jwt+1/a=\n");
    variables.set("AWS_WEB_IDENTITY_TOKEN_FILE", dir.path() / "token");
    variables.set("AWS_ROLE_ARN", "arn:aws:iam::1:role/r");
    variables.set("AWS_ENDPOINT_URL_STS", server.url());
  }
  SourceAnswer ask(const Profile& profile = {}) {
    return ask_web_identity("eu-west-1", variables.get(), profile);
  }

  HttpReply reply{.body = keys_xml(testing::time_from_now(std::chrono::hours(1)))};
  std::atomic<int> busy{0};  ///< So many calls fail before the reply is given.
  const LocalHttpServer server{[this](const HttpCall&) {
    if (busy > 0) {
      --busy;
      return HttpReply{.status = 400, .body = error_xml("IDPCommunicationError", "slow")};
    }
    return reply;
  }};
  const testing::ScratchDir dir;
  FakeEnvironment variables;
};

TEST_F(WebIdentityTest, ExchangesTheToken) {
  const Credentials credentials = ask().decision->value();
  EXPECT_EQ(credentials.access_key_id, "AKIDSTS");
  EXPECT_EQ(credentials.secret_access_key, "sts-secret");
  EXPECT_EQ(credentials.session_token, "sts-token");
  EXPECT_TRUE(credentials.expires);

  ASSERT_EQ(server.calls().size(), 1U);
  const HttpCall call = server.calls()[0];
  EXPECT_EQ(call.method_string(), "POST");
  EXPECT_EQ(call.target(), "/");
  EXPECT_EQ(call.count("Authorization"), 0U);
  EXPECT_EQ(call.body(),
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
            "&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&RoleSessionName=nextid"
            "&WebIdentityToken=jwt%2B1%2Fa%3D");
}

TEST_F(WebIdentityTest, ReadsTheTokenAnewAndTakesTheSessionName) {
  ASSERT_TRUE(ask().decision->has_value());
  write_file(dir.path() / "token", "jwt2");
  variables.set("AWS_ROLE_SESSION_NAME", "me@host");
  ASSERT_TRUE(ask().decision->has_value());
  EXPECT_TRUE(
      server.calls()[1].body().ends_with("RoleSessionName=me%40host&WebIdentityToken=jwt2"));
}

TEST_F(WebIdentityTest, ShowsTheReasonOfStsAndNeverTheToken) {
  reply = {.status = 403, .body = error_xml("AccessDenied", "Not authorized")};
  const auto credentials = *ask().decision;
  EXPECT_EQ(credentials.error().code(), ErrorCode::kUnavailable);
  EXPECT_TRUE(contains(what(credentials), "AccessDenied: Not authorized")) << what(credentials);
  EXPECT_TRUE(contains(what(credentials), "arn:aws:iam::1:role/r"));
  EXPECT_FALSE(contains(what(credentials), "jwt"));
  EXPECT_EQ(server.calls().size(), 1U) << "a refusal is final";
}

TEST_F(WebIdentityTest, TriesAgainWhenTheProviderWasSlow) {
  busy = 2;
  EXPECT_TRUE(ask().decision->has_value());
  busy = 100;
  EXPECT_TRUE(contains(what(*ask().decision), "IDPCommunicationError")) << what(*ask().decision);
}

TEST_F(WebIdentityTest, RefusesAnswersThatAreNone) {
  std::string deep;
  for (int i = 0; i < 10000; ++i) deep += "<a>";
  for (const std::string& body :
       {std::string("no xml"), std::string("<a></b>"), std::string("<a/>"), std::string(), deep,
        keys_xml("soon"), keys_xml(""), keys_xml("2020-01-01T00:00:00Z")}) {
    reply = {.body = body};
    const auto credentials = *ask().decision;
    ASSERT_TRUE(credentials.has_error()) << body;
    EXPECT_EQ(credentials.error().code(), ErrorCode::kUnavailable);
    EXPECT_FALSE(contains(what(credentials), "sts-secret"));
  }
}

TEST_F(WebIdentityTest, AMissingTokenOrRoleIsAnErrorAndSendsNothing) {
  write_file(dir.path() / "token", "\n");
  EXPECT_TRUE(contains(what(*ask().decision), "token")) << what(*ask().decision);
  variables.set("AWS_WEB_IDENTITY_TOKEN_FILE", dir.path() / "none");
  EXPECT_EQ(ask().decision->error().code(), ErrorCode::kInvalid);
  variables.unset("AWS_ROLE_ARN");
  EXPECT_TRUE(contains(what(*ask().decision), "AWS_ROLE_ARN")) << what(*ask().decision);
  variables.unset("AWS_WEB_IDENTITY_TOKEN_FILE");
  EXPECT_FALSE(ask().decision);
  EXPECT_TRUE(server.calls().empty());
}

TEST_F(WebIdentityTest, AProfileCanAskForIt) {
  const Profile profile{.name = "p",
                        .found = true,
                        .settings = {{"web_identity_token_file", dir.path() / "token"},
                                     {"role_arn", "arn:p"},
                                     {"role_session_name", "s"},
                                     {"services.sts.endpoint_url", server.url()}}};
  const FakeEnvironment none;
  EXPECT_TRUE(ask_profile_web_identity("eu-west-1", none.get(), profile).decision->has_value());
  EXPECT_TRUE(contains(server.calls()[0].body(), "RoleArn=arn%3Ap&RoleSessionName=s&"));
  EXPECT_FALSE(ask_profile_web_identity("eu-west-1", none.get(), {}).decision);
}

}  // namespace
}  // namespace nextid::aws
