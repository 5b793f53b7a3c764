// The instance's metadata service, played by a server that insists on version 2.
#include "aws/instance_credentials.h"

#include <atomic>
#include <string>

#include <gtest/gtest.h>

#include "aws_test_support.h"
#include "fake_environment.h"
#include "local_http_server.h"

namespace nextid::aws {
namespace {

using testing::contains;
using testing::FakeEnvironment;
using testing::HttpCall;
using testing::HttpReply;
using testing::keys_json;
using testing::LocalHttpServer;
using testing::what;

constexpr const char* kRoles = "/latest/meta-data/iam/security-credentials/";

class InstanceCredentialsTest : public ::testing::Test {
 protected:
  InstanceCredentialsTest() {
    variables.unset("AWS_EC2_METADATA_DISABLED");
    variables.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url() + "/");
  }

  // Called on the server's thread, one call at a time.
  HttpReply answer(const HttpCall& call) {
    if (call.target() == "/latest/api/token") {
      if (call.method_string() != "PUT") return {.status = 405};
      if (call["X-aws-ec2-metadata-token-ttl-seconds"] != "21600") return {.status = 400};
      return {.status = token_status, .body = "token-" + std::to_string(++tokens)};
    }
    const bool fits = call["X-aws-ec2-metadata-token"] == "token-" + std::to_string(tokens);
    if (!fits || tokens <= refused_tokens) return {.status = 401};
    if (call.target() == kRoles) return roles;
    if (call.target() == kRoles + std::string("the-role")) return keys;
    return {.status = 404};
  }
  SourceAnswer ask() { return ask_instance(variables.get(), {}); }

  std::atomic<unsigned> token_status{200};
  std::atomic<int> tokens{0};
  std::atomic<int> refused_tokens{0};  ///< So many are given out and not taken.
  HttpReply roles{.body = "the-role\n"};
  HttpReply keys{.body = keys_json()};
  const LocalHttpServer server{[this](const HttpCall& call) { return answer(call); }};
  FakeEnvironment variables;
};

TEST_F(InstanceCredentialsTest, ReadsTheKeysOfTheRole) {
  const Credentials credentials = ask().decision->value();
  EXPECT_EQ(credentials.access_key_id, "AKIDROLE");
  EXPECT_EQ(credentials.session_token, "role-token");
  EXPECT_TRUE(contains(credentials.source, "the-role"));
  EXPECT_EQ(server.calls().size(), 3U);
}

TEST_F(InstanceCredentialsTest, ARefusedTokenIsReplacedOnce) {
  refused_tokens = 1;
  EXPECT_TRUE(ask().decision->has_value());
  EXPECT_EQ(tokens, 2);
  tokens = 0;
  refused_tokens = 100;
  const SourceAnswer answer = ask();
  ASSERT_TRUE(answer.decision);
  EXPECT_TRUE(contains(what(*answer.decision), "401")) << what(*answer.decision);
  EXPECT_EQ(tokens, 2) << "and not for ever";
}

TEST_F(InstanceCredentialsTest, WithoutATokenOrARoleThereIsNone) {
  roles = {.status = 404};
  EXPECT_FALSE(ask().decision);
  EXPECT_EQ(ask().absence, "the instance has no role");
  token_status = 403;
  EXPECT_FALSE(ask().decision);
  EXPECT_TRUE(contains(ask().absence, "403")) << ask().absence;
}

TEST_F(InstanceCredentialsTest, WithoutAServiceThereIsNone) {
  FakeEnvironment elsewhere = variables;
  {
    const LocalHttpServer gone([](const HttpCall&) { return HttpReply{}; });
    elsewhere.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", gone.url());
  }
  const SourceAnswer answer = ask_instance(elsewhere.get(), {});
  EXPECT_FALSE(answer.decision);
  EXPECT_TRUE(contains(answer.absence, "127.0.0.1")) << answer.absence;
}

TEST_F(InstanceCredentialsTest, ASilentServiceTakesTwoSeconds) {
  const LocalHttpServer silent([](const HttpCall&) { return HttpReply{.never = true}; });
  variables.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", silent.url());
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(ask().decision);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  EXPECT_EQ(silent.calls().size(), 2U);
}

TEST_F(InstanceCredentialsTest, SwitchedOffItIsNotAsked) {
  variables.set("AWS_EC2_METADATA_DISABLED", "True");
  EXPECT_EQ(ask().absence, "AWS_EC2_METADATA_DISABLED is true");
  EXPECT_TRUE(server.calls().empty());
}

TEST_F(InstanceCredentialsTest, AnAnswerWithoutKeysDecides) {
  keys = {.body = R"({"Code": "AssumeRoleUnauthorizedAccess", "Message": "no trust"})"};
  const SourceAnswer answer = ask();
  ASSERT_TRUE(answer.decision);
  EXPECT_EQ(answer.decision->error().code(), ErrorCode::kUnavailable);
  EXPECT_TRUE(contains(what(*answer.decision), "AssumeRoleUnauthorizedAccess: no trust"))
      << what(*answer.decision);
}

TEST(InstanceMetadataUrlTest, IsTheExplicitOneOrThatOfTheMode) {
  FakeEnvironment variables;
  Profile profile;
  const auto url = [&] { return instance_metadata_url(variables.get(), profile); };
  EXPECT_EQ(url().value(), "http://169.254.169.254");
  profile.settings["ec2_metadata_service_endpoint_mode"] = "IPv6";
  EXPECT_EQ(url().value(), "http://[fd00:ec2::254]");
  variables.set("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ipv4");
  EXPECT_EQ(url().value(), "http://169.254.169.254");
  variables.set("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv5");
  EXPECT_EQ(url().error().code(), ErrorCode::kInvalid);
  profile.settings["ec2_metadata_service_endpoint"] = "http://127.0.0.1:1/";
  EXPECT_EQ(url().value(), "http://127.0.0.1:1");
  variables.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "https://variable:2");
  EXPECT_EQ(url().value(), "https://variable:2");
}

TEST(InstanceMetadataUrlTest, KeysDoNotComeInTheClear) {
  FakeEnvironment variables;
  for (const std::string plain :
       {"http://keys.example", "http://169.254.170.2", "http://10.0.0.1/"}) {
    variables.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", plain);
    EXPECT_EQ(instance_metadata_url(variables.get(), {}).error().code(), ErrorCode::kInvalid)
        << plain;
  }
  for (const std::string safe : {"http://169.254.169.254", "http://[fd00:ec2::254]",
                                 "http://localhost:1", "https://a.example"}) {
    variables.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", safe);
    EXPECT_EQ(instance_metadata_url(variables.get(), {}).value(), safe);
  }
}

}  // namespace
}  // namespace nextid::aws
