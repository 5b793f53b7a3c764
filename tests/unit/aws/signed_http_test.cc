// Signed calls: what is sent, how each ends, and that none is left without an answer.
#include "aws/signed_http.h"

#include <chrono>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "aws_test_support.h"
#include "local_http_server.h"

namespace nextid::aws {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::contains;
using testing::LocalHttpServer;

std::shared_ptr<const Credentials> keys(const std::string& key, const std::string& token = "") {
  return std::make_shared<const Credentials>(Credentials{key, "secret", token, {}, "a test"});
}

/// The answers to calls, as they come.
class Answers {
 public:
  std::function<void(SignedAnswer)> next() {
    return [this](SignedAnswer answer) {
      const std::lock_guard lock(mutex_);
      answers_.push_back(std::move(answer));
      changed_.notify_all();
    };
  }
  std::vector<SignedAnswer> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, seconds(30), [&] { return answers_.size() >= count; }));
    return answers_;
  }
  std::size_t size() {
    const std::lock_guard lock(mutex_);
    return answers_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<SignedAnswer> answers_;
};

SignedHttpOptions options(const std::string& url) {
  return {.url = url, .region = "eu-west-1", .service = "dynamodb", .ca_file = {}};
}

SignedCall call(Answers& answers, std::shared_ptr<const Credentials> credentials = keys("AKID"),
                milliseconds limit = seconds(20)) {
  return {"DynamoDB_20120810.GetItem", "{}", std::move(credentials), limit, answers.next()};
}

std::string header(const testing::HttpCall& request, const char* name) {
  return std::string(request[name].data(), request[name].size());
}

TEST(SignedHttpTest, SendsASignedPost) {
  LocalHttpServer server([](const auto&) { return testing::HttpReply{200, R"({"a":1})"}; });
  Answers answers;
  SignedHttp http(options(server.url()));
  http.send(call(answers, keys("AKID", "the-token")));
  const SignedAnswer answer = answers.wait_for(1).front();
  EXPECT_EQ(answer.failure, "");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, R"({"a":1})");
  const auto request = server.calls().at(0);
  EXPECT_EQ(request.method_string(), "POST");
  EXPECT_EQ(request.target(), "/");
  EXPECT_EQ(request.body(), "{}");
  EXPECT_EQ(header(request, "X-Amz-Target"), "DynamoDB_20120810.GetItem");
  EXPECT_EQ(header(request, "Content-Type"), "application/x-amz-json-1.0");
  EXPECT_EQ(header(request, "X-Amz-Security-Token"), "the-token");
  const std::string authorization = header(request, "Authorization");
  EXPECT_TRUE(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKID/")) << authorization;
  EXPECT_TRUE(contains(authorization, "/eu-west-1/dynamodb/aws4_request")) << authorization;
  EXPECT_TRUE(contains(authorization, "x-amz-security-token")) << authorization;
  EXPECT_FALSE(contains(authorization, "secret")) << authorization;
}

TEST(SignedHttpTest, SignsEachCallWithItsOwnCredentials) {
  LocalHttpServer server([](const auto&) { return testing::HttpReply{200, "{}"}; });
  Answers answers;
  SignedHttp http(options(server.url()));
  http.send(call(answers, keys("FIRST", "token")));
  answers.wait_for(1);
  http.send(call(answers, keys("SECOND")));
  answers.wait_for(2);
  const auto request = server.calls().at(1);
  EXPECT_TRUE(contains(header(request, "Authorization"), "Credential=SECOND/"));
  EXPECT_EQ(request.find("X-Amz-Security-Token"), request.end());
}

TEST(SignedHttpTest, TakesMoreCallsThanItHasConnections) {
  LocalHttpServer server([](const auto&) { return testing::HttpReply{200, "{}"}; });
  Answers answers;
  SignedHttpOptions few = options(server.url());
  few.max_connections = 4;
  SignedHttp http(few);
  for (int i = 0; i < 100; ++i) http.send(call(answers));
  for (const SignedAnswer& answer : answers.wait_for(100)) EXPECT_EQ(answer.failure, "");
  EXPECT_EQ(server.calls().size(), 100u);
}

TEST(SignedHttpTest, GivesUpAtTheCallsLimit) {
  LocalHttpServer server([](const auto&) { return testing::HttpReply{.never = true}; });
  Answers answers;
  SignedHttp http(options(server.url()));
  http.send(call(answers, keys("AKID"), milliseconds(50)));
  const SignedAnswer answer = answers.wait_for(1).front();
  EXPECT_TRUE(contains(answer.failure, "timed out")) << answer.failure;
  EXPECT_FALSE(answer.certificate_refused);
}

TEST(SignedHttpTest, TellsThatNobodyListens) {
  std::string url;
  {
    LocalHttpServer gone([](const auto&) { return testing::HttpReply{}; });
    url = gone.url();
  }
  Answers answers;
  SignedHttp http(options(url));
  http.send(call(answers));
  EXPECT_NE(answers.wait_for(1).front().failure, "");
}

TEST(SignedHttpTest, FollowsNoRedirect) {
  LocalHttpServer server([](const auto&) {
    return testing::HttpReply{302, "", "http://127.0.0.1:1/"};
  });
  Answers answers;
  SignedHttp http(options(server.url()));
  http.send(call(answers));
  EXPECT_EQ(answers.wait_for(1).front().status, 302);
  EXPECT_EQ(server.calls().size(), 1u);
}

TEST(SignedHttpTest, BoundsTheSizeOfAnAnswer) {
  LocalHttpServer server([](const auto&) {
    return testing::HttpReply{200, std::string(17 * 1024 * 1024, 'x')};
  });
  Answers answers;
  SignedHttp http(options(server.url()));
  http.send(call(answers));
  EXPECT_NE(answers.wait_for(1).front().failure, "");
}

TEST(SignedHttpTest, AnswersWhatWasSentBeforeItStops) {
  LocalHttpServer server([](const auto&) { return testing::HttpReply{200, "{}"}; });
  Answers answers;
  SignedHttp http(options(server.url()));
  for (int i = 0; i < 20; ++i) http.send(call(answers));
  http.stop();
  EXPECT_EQ(answers.size(), 20u);
  http.send(call(answers));
  EXPECT_TRUE(contains(answers.wait_for(21).back().failure, "closed"));
  http.stop();
}

TEST(SignedHttpTest, MayBeUsedAndDestroyedByItsOwnAnswers) {
  LocalHttpServer server([](const auto&) { return testing::HttpReply{200, "{}"}; });
  Answers answers;
  auto http = std::make_unique<SignedHttp>(options(server.url()));
  SignedCall second = call(answers);
  const auto last = std::move(second.done);
  second.done = [&](SignedAnswer answer) {
    http.reset();
    last(std::move(answer));
  };
  SignedCall first = call(answers);
  first.done = [&](const SignedAnswer&) { http->send(std::move(second)); };
  http->send(std::move(first));
  EXPECT_EQ(answers.wait_for(1).front().failure, "");
}

TEST(SignedHttpTest, CallsBackAfterATime) {
  SignedHttp http(options("http://127.0.0.1:1"));
  std::promise<std::chrono::steady_clock::time_point> late;
  std::promise<std::chrono::steady_clock::time_point> soon;
  const auto begun = std::chrono::steady_clock::now();
  ASSERT_TRUE(
      http.after(milliseconds(120), [&late] { late.set_value(std::chrono::steady_clock::now()); }));
  ASSERT_TRUE(
      http.after(milliseconds(30), [&soon] { soon.set_value(std::chrono::steady_clock::now()); }));
  const auto soon_at = soon.get_future().get();
  const auto late_at = late.get_future().get();
  EXPECT_GE(soon_at - begun, milliseconds(30));
  EXPECT_GE(late_at - begun, milliseconds(120));
  EXPECT_LT(soon_at, late_at);
  EXPECT_LT(late_at - begun, seconds(10)) << "no longer than the thread may sleep";
}

TEST(SignedHttpTest, CallsBackEarlyWhenItStops) {
  SignedHttp http(options("http://127.0.0.1:1"));
  int called = 0;
  ASSERT_TRUE(http.after(seconds(3'600), [&] {
    ++called;
    EXPECT_FALSE(http.after(seconds(1), [&called] { ++called; }));
  }));
  http.stop();
  EXPECT_EQ(called, 1);
  EXPECT_FALSE(http.after(milliseconds(1), [&called] { ++called; }));
  EXPECT_EQ(called, 1);
}

}  // namespace
}  // namespace nextid::aws
