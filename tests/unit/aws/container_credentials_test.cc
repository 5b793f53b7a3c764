// The container's endpoint, played by a server of the test's own.
#include "aws/container_credentials.h"

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
using testing::what;
using testing::write_file;

class ContainerCredentialsTest : public ::testing::Test {
 protected:
  ContainerCredentialsTest() {
    variables.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url() + "/keys?x=1");
  }
  Result<Credentials> ask() { return ask_container(variables.get()).decision.value(); }

  HttpReply reply{.body = keys_json()};
  const LocalHttpServer server{[this](const HttpCall&) { return reply; }};
  const testing::ScratchDir dir;
  FakeEnvironment variables;
};

std::string url_of(const FakeEnvironment& variables) {
  return container_credentials_url(variables.get()).value().value();
}

TEST(ContainerUrlTest, TheRelativeUriComesFirst) {
  FakeEnvironment variables{{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/full"}};
  EXPECT_EQ(url_of(variables), "http://127.0.0.1:1/full");
  variables.set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/x");
  EXPECT_EQ(url_of(variables), "http://169.254.170.2/v2/credentials/x");
  variables.set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", ".evil.example/");
  EXPECT_EQ(container_credentials_url(variables.get()).error().code(), ErrorCode::kInvalid);
}

TEST(ContainerUrlTest, PlainHttpIsForThisMachineAndKnownAddresses) {
  for (const std::string url :
       {"http://127.0.0.1/", "http://127.1.2.3:8080/x", "http://[::1]:1/", "http://localhost/",
        "http://LocalHost:80/", "http://169.254.170.2/x", "http://169.254.170.23/v1/credentials",
        "http://[fd00:ec2::23]/v1/credentials", "https://keys.example/x", "https://192.0.2.1/"}) {
    EXPECT_EQ(url_of({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", url}}), url);
  }
}

TEST(ContainerUrlTest, PlainHttpToAnotherHostIsRefused) {
  for (const std::string url :
       {"http://keys.example/x", "http://192.0.2.1/", "http://169.254.169.254/",
        "http://localhost.example/", "http://127.0.0.1.example/", "http://127.0.0.1@keys.example/",
        "http://3221225985/", "http://[fd00:ec2::254]/", "http://[::ffff:c000:201]/",
        "http://0.0.0.0/", "http://%6beys.example/", "ftp://127.0.0.1/", "127.0.0.1:80/x",
        "http:///x", "http://127.0.0.1\\@keys.example/"}) {
    const FakeEnvironment variables{{"AWS_CONTAINER_CREDENTIALS_FULL_URI", url}};
    const auto checked = container_credentials_url(variables.get());
    ASSERT_TRUE(checked.has_error()) << url;
    EXPECT_EQ(checked.error().code(), ErrorCode::kInvalid);
    EXPECT_EQ(ask_container(variables.get()).decision->error().code(), ErrorCode::kInvalid)
        << "a decision: no later source is asked";
  }
}

TEST(ContainerUrlTest, WithoutVariablesThereIsNone) {
  EXPECT_FALSE(container_credentials_url(FakeEnvironment().get()).value());
  const SourceAnswer answer = ask_container(FakeEnvironment().get());
  EXPECT_FALSE(answer.decision);
  EXPECT_TRUE(contains(answer.absence, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"));
}

TEST_F(ContainerCredentialsTest, ReadsTheKeys) {
  const Credentials credentials = ask().value();
  EXPECT_EQ(credentials.access_key_id, "AKIDROLE");
  EXPECT_EQ(credentials.secret_access_key, "role-secret");
  EXPECT_EQ(credentials.session_token, "role-token");
  EXPECT_TRUE(credentials.expires);
  ASSERT_EQ(server.calls().size(), 1U);
  EXPECT_EQ(server.calls()[0].target(), "/keys?x=1");
  EXPECT_EQ(server.calls()[0].count("Authorization"), 0U);
}

TEST_F(ContainerCredentialsTest, TheTokenFileComesBeforeTheTokenAndIsReadEveryTime) {
  variables.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic plain");
  ASSERT_TRUE(ask().has_value());
  variables.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", dir.path() / "token");
  write_file(dir.path() / "token", "first");
  ASSERT_TRUE(ask().has_value());
  write_file(dir.path() / "token", "second");
  ASSERT_TRUE(ask().has_value());
  const auto calls = server.calls();
  EXPECT_EQ(calls[0]["Authorization"], "Basic plain");
  EXPECT_EQ(calls[1]["Authorization"], "first");
  EXPECT_EQ(calls[2]["Authorization"], "second");
}

TEST_F(ContainerCredentialsTest, ATokenWithALineBreakIsNotSent) {
  for (const std::string token : {"good\r\nX-Evil: 1", "good\n", "\rgood"}) {
    variables.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", token);
    const auto credentials = ask();
    ASSERT_TRUE(credentials.has_error()) << token;
    EXPECT_EQ(credentials.error().code(), ErrorCode::kInvalid);
    EXPECT_FALSE(contains(what(credentials), "good")) << what(credentials);
    variables.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "fine");
    variables.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", dir.path() / "token");
    write_file(dir.path() / "token", token);
    EXPECT_EQ(ask().error().code(), ErrorCode::kInvalid);
    variables.unset("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  }
  EXPECT_TRUE(server.calls().empty());
}

TEST_F(ContainerCredentialsTest, AMissingTokenFileIsAnError) {
  variables.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "fine");
  variables.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", dir.path() / "none");
  EXPECT_TRUE(contains(what(ask()), (dir.path() / "none").string())) << what(ask());
  EXPECT_TRUE(server.calls().empty());
}

TEST_F(ContainerCredentialsTest, TellsWhyTheEndpointRefuses) {
  reply = {.status = 403, .body = R"({"code": "AccessDenied", "message": "no such pod"})"};
  const auto credentials = ask();
  EXPECT_EQ(credentials.error().code(), ErrorCode::kUnavailable);
  EXPECT_TRUE(contains(what(credentials), "403, AccessDenied: no such pod")) << what(credentials);
  reply = {.body = keys_json() + "}"};
  EXPECT_TRUE(contains(what(ask()), "no JSON object")) << what(ask());
  EXPECT_FALSE(contains(what(ask()), "role-secret"));
}

}  // namespace
}  // namespace nextid::aws
