// The order of the sources, and that the one which is set up decides.
#include "aws/credential_sources.h"

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
using testing::keys_json;
using testing::LocalHttpServer;
using testing::time_from_now;
using testing::what;
using testing::write_file;

class CredentialSourcesTest : public ::testing::Test {
 protected:
  CredentialSourcesTest() { variables.set("HOME", dir.path()); }

  void config(const std::string& text) { write_file(dir.path() / ".aws" / "config", text); }
  Result<Credentials> find(const std::string& profile = "") {
    return find_credentials(profile, "eu-west-1", variables.get());
  }
  std::string key(const std::string& profile = "") {
    const auto found = find(profile);
    return found.has_value() ? found->access_key_id : what(found);
  }
  void set_environment_keys() {
    variables.set("AWS_ACCESS_KEY_ID", "AKIDENV");
    variables.set("AWS_SECRET_ACCESS_KEY", "env-secret");
  }
  // A credential_process line that prints this.
  std::string process_printing(const std::string& text) {
    write_file(dir.path() / "out put.json", text);
    return "credential_process = cat \"" + (dir.path() / "out put.json").string() + "\"\n";
  }

  const testing::ScratchDir dir;
  FakeEnvironment variables;
};

TEST_F(CredentialSourcesTest, TheErrorListsEveryPlaceAndWhatToDo) {
  const auto found = find();
  EXPECT_EQ(found.error().code(), ErrorCode::kUnavailable);
  for (const char* part :
       {"AWS_ACCESS_KEY_ID is not set", "AWS_WEB_IDENTITY_TOKEN_FILE is not set",
        "profile 'default' (neither", "AWS_CONTAINER_CREDENTIALS_FULL_URI is set",
        "AWS_EC2_METADATA_DISABLED is true", "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"}) {
    EXPECT_TRUE(contains(what(found), part)) << part << " is not in: " << what(found);
  }
}

TEST_F(CredentialSourcesTest, TheEnvironmentComesFirst) {
  config("[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = s\n");
  set_environment_keys();
  variables.set("AWS_SESSION_TOKEN", "env-token");
  const Credentials found = find().value();
  EXPECT_EQ(found.access_key_id, "AKIDENV");
  EXPECT_EQ(found.secret_access_key, "env-secret");
  EXPECT_EQ(found.session_token, "env-token");
  EXPECT_FALSE(found.expires);
  EXPECT_EQ(found.source, "the environment");
}

TEST_F(CredentialSourcesTest, AnExplicitProfileComesBeforeTheEnvironment) {
  config("[profile dev]\naws_access_key_id = AKIDDEV\naws_secret_access_key = s\n");
  set_environment_keys();
  EXPECT_EQ(key("dev"), "AKIDDEV");
  EXPECT_EQ(find("nobody").error().code(), ErrorCode::kInvalid);
}

TEST_F(CredentialSourcesTest, TheEnvironmentsExpiryCounts) {
  set_environment_keys();
  variables.set("AWS_CREDENTIAL_EXPIRATION", time_from_now(std::chrono::hours(1)));
  EXPECT_TRUE(find()->expires);
  variables.set("AWS_CREDENTIAL_EXPIRATION", time_from_now(std::chrono::seconds(-1)));
  EXPECT_TRUE(contains(what(find()), "expired at")) << what(find());
  variables.set("AWS_CREDENTIAL_EXPIRATION", "later");
  EXPECT_TRUE(contains(what(find()), "no time like")) << what(find());
}

TEST_F(CredentialSourcesTest, HalfAKeyPairIsAnErrorThatNamesTheOtherHalf) {
  config(
      "[default]\naws_access_key_id = AKIDFILE\n[profile full]\naws_access_key_id = A\n"
      "aws_secret_access_key = s\n");
  EXPECT_TRUE(contains(what(find()), "no aws_secret_access_key")) << what(find());
  variables.set("AWS_PROFILE", "full");
  variables.set("AWS_ACCESS_KEY_ID", "AKIDENV");
  EXPECT_EQ(find().error().code(), ErrorCode::kInvalid) << "it does not fall through to 'full'";
  EXPECT_TRUE(contains(what(find()), "AWS_SECRET_ACCESS_KEY is not")) << what(find());
}

TEST_F(CredentialSourcesTest, AFailingWebIdentityDoesNotFallThrough) {
  const LocalHttpServer sts([](const HttpCall&) { return HttpReply{.status = 403}; });
  config("[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = s\n");
  write_file(dir.path() / "token", "jwt");
  variables.set("AWS_WEB_IDENTITY_TOKEN_FILE", dir.path() / "token");
  variables.set("AWS_ROLE_ARN", "arn:r");
  variables.set("AWS_ENDPOINT_URL_STS", sts.url());
  EXPECT_TRUE(contains(what(find()), "arn:r")) << what(find());
}

TEST_F(CredentialSourcesTest, AFailingContainerDoesNotFallThrough) {
  const LocalHttpServer container([](const HttpCall&) { return HttpReply{.status = 404}; });
  const LocalHttpServer instance([](const HttpCall&) { return HttpReply{.body = keys_json()}; });
  variables.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", container.url());
  variables.unset("AWS_EC2_METADATA_DISABLED");
  variables.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", instance.url());
  EXPECT_TRUE(contains(what(find()), "404")) << what(find());
  EXPECT_TRUE(instance.calls().empty());
}

TEST_F(CredentialSourcesTest, TheProfileComesBeforeTheContainerAndThatBeforeTheInstance) {
  const LocalHttpServer container(
      [](const HttpCall&) { return HttpReply{.body = keys_json("C")}; });
  const LocalHttpServer instance([](const HttpCall&) { return HttpReply{.body = keys_json("I")}; });
  variables.unset("AWS_EC2_METADATA_DISABLED");
  variables.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", instance.url());
  EXPECT_EQ(key(), "I");
  variables.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", container.url());
  EXPECT_EQ(key(), "C");
  config("[default]\nregion = r\n");
  EXPECT_EQ(key(), "C") << "a profile without credentials is passed over";
  config("[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = s\n");
  EXPECT_EQ(key(), "AKIDFILE");
}

TEST_F(CredentialSourcesTest, ABrokenFileIsAnErrorNotAnAbsence) {
  config("[default\n");
  EXPECT_TRUE(contains(what(find()), "line 1")) << what(find());
}

TEST_F(CredentialSourcesTest, RunsCredentialProcess) {
  config("[default]\n" +
         process_printing(R"({"Version": 1, "AccessKeyId": "AKIDPROC", "SecretAccessKey": "s",
                              "SessionToken": "t", "Expiration": ")" +
                          time_from_now(std::chrono::hours(1)) + "\"}"));
  const Credentials found = find().value();
  EXPECT_EQ(found.access_key_id, "AKIDPROC");
  EXPECT_EQ(found.session_token, "t");
  EXPECT_TRUE(found.expires);
  EXPECT_TRUE(contains(found.source, "credential_process"));
}

TEST_F(CredentialSourcesTest, AFailingCredentialProcessTellsWhy) {
  const std::string keys = R"("AccessKeyId": "A", "SecretAccessKey": "hidden")";
  const auto reason = [&](const std::string& line) {
    config("[default]\n" + line);
    const auto found = find();
    EXPECT_TRUE(found.has_error()) << line;
    EXPECT_TRUE(contains(what(found), "profile 'default'")) << what(found);
    EXPECT_FALSE(contains(what(found), "hidden")) << what(found);
    return what(found);
  };
  EXPECT_TRUE(contains(reason("credential_process = sh -c 'exit 7' hidden\n"), "status 7"));
  EXPECT_TRUE(contains(reason("credential_process = sh -c 'hidden\n"), "quote"));
  EXPECT_TRUE(contains(reason(process_printing("{" + keys + "}")), "\"Version\": 1"));
  EXPECT_TRUE(contains(reason(process_printing("{\"Version\": 2, " + keys + "}")), "Version"));
  EXPECT_TRUE(contains(reason(process_printing("hidden")), "Version"));
  EXPECT_TRUE(contains(reason(process_printing("{\"Version\": 1, " + keys +
                                               R"(, "Expiration": "2020-01-01T00:00:00Z"})")),
                       "expired"));
}

TEST_F(CredentialSourcesTest, WhatNextidDoesNotSpeakIsSentToTheAwsCli) {
  const std::string keys = "aws_access_key_id = AKIDFILE\naws_secret_access_key = s\n";
  for (const std::string setting :
       {"sso_account_id = 1", "sso_role_name = r", "role_arn = a\nsource_profile = b",
        "role_arn = a\ncredential_source = Ec2InstanceMetadata"}) {
    config("[profile dev]\n" + keys + setting + "\n");
    const auto found = find("dev");
    ASSERT_TRUE(found.has_error()) << "these keys are not those of the role";
    EXPECT_TRUE(contains(what(found),
                         "credential_process = aws configure export-credentials --profile dev "
                         "--format process"))
        << what(found);
  }
  config("[profile dev]\nsso_account_id = 1\n" + keys +
         process_printing(R"({"Version": 1, "AccessKeyId": "AKIDPROC", "SecretAccessKey": "s"})"));
  EXPECT_EQ(key("dev"), "AKIDPROC") << "nor with a process in their place";
}

TEST_F(CredentialSourcesTest, AProfilesWebIdentityComesBeforeItsKeys) {
  const LocalHttpServer sts([](const HttpCall&) { return HttpReply{.status = 403}; });
  write_file(dir.path() / "token", "jwt");
  config(
      "[default]\naws_access_key_id = A\naws_secret_access_key = s\nrole_arn = arn:p\n"
      "web_identity_token_file = " +
      (dir.path() / "token").string() + "\nendpoint_url = " + sts.url() + "\n");
  EXPECT_TRUE(contains(what(find()), "arn:p")) << what(find());
}

}  // namespace
}  // namespace nextid::aws
