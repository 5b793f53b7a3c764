// The blocking HTTP call: its limits, and what it must not do.
#include "aws/http_fetch.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "aws_test_support.h"
#include "local_http_server.h"

namespace nextid::aws {
namespace {

using testing::contains;
using testing::HttpCall;
using testing::HttpReply;
using testing::LocalHttpServer;
using testing::what;

HttpRequest get(const std::string& url) {
  HttpRequest request;
  request.url = url;
  request.time_limit = std::chrono::seconds(10);
  return request;
}

class HttpProxyVariable {
 public:
  explicit HttpProxyVariable(const std::string& value) { ::setenv("http_proxy", value.c_str(), 1); }
  ~HttpProxyVariable() { ::unsetenv("http_proxy"); }
  HttpProxyVariable(const HttpProxyVariable&) = delete;
  HttpProxyVariable& operator=(const HttpProxyVariable&) = delete;
};

TEST(HttpFetchTest, SendsMethodHeadersAndBody) {
  const LocalHttpServer server(
      [](const HttpCall&) { return HttpReply{.status = 404, .body = "x"}; });
  HttpRequest request = get(server.url() + "/path?q=1");
  request.method = "PUT";
  request.headers = {"X-One: 1"};
  EXPECT_EQ(http_fetch(request)->status, 404) << "any status is an answer";
  request.method = "POST";
  request.body = "a=b";
  EXPECT_EQ(http_fetch(request)->body, "x");

  const auto calls = server.calls();
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_EQ(calls[0].method_string(), "PUT");
  EXPECT_EQ(calls[0].target(), "/path?q=1");
  EXPECT_EQ(calls[0]["X-One"], "1");
  EXPECT_EQ(calls[0]["Content-Length"], "0");
  EXPECT_EQ(calls[1].method_string(), "POST");
  EXPECT_EQ(calls[1].body(), "a=b");
}

TEST(HttpFetchTest, GivesUpOnASilentServer) {
  const LocalHttpServer server([](const HttpCall&) { return HttpReply{.never = true}; });
  HttpRequest request = get(server.url());
  request.time_limit = std::chrono::milliseconds(100);
  request.tries = 2;
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(http_fetch(request).error().code(), ErrorCode::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_EQ(server.calls().size(), 2U);
}

TEST(HttpFetchTest, TriesAgainAfterServerErrorsOnly) {
  std::atomic<unsigned> status{503};
  const LocalHttpServer server([&](const HttpCall&) { return HttpReply{.status = status}; });
  HttpRequest request = get(server.url());
  request.tries = 3;
  EXPECT_EQ(http_fetch(request)->status, 503);
  EXPECT_EQ(server.calls().size(), 3U);
  status = 403;
  EXPECT_EQ(http_fetch(request)->status, 403);
  EXPECT_EQ(server.calls().size(), 4U);
}

TEST(HttpFetchTest, FollowsNoRedirect) {
  const LocalHttpServer elsewhere([](const HttpCall&) { return HttpReply{}; });
  const LocalHttpServer server(
      [&](const HttpCall&) { return HttpReply{.status = 302, .location = elsewhere.url() + "/"}; });
  EXPECT_EQ(http_fetch(get(server.url()))->status, 302);
  EXPECT_TRUE(elsewhere.calls().empty());
}

TEST(HttpFetchTest, BoundsTheAnswer) {
  std::atomic<std::size_t> size{kAnswerLimitBytes};
  const LocalHttpServer server(
      [&](const HttpCall&) { return HttpReply{.body = std::string(size, 'x')}; });
  EXPECT_EQ(http_fetch(get(server.url()))->body.size(), kAnswerLimitBytes);
  size = kAnswerLimitBytes + 1;
  const auto answer = http_fetch(get(server.url()));
  EXPECT_TRUE(contains(what(answer), "longer than 65536 bytes")) << what(answer);
}

TEST(HttpFetchTest, UsesAProxyOnlyWhenTold) {
  const LocalHttpServer proxy([](const HttpCall&) { return HttpReply{.body = "proxy"}; });
  const LocalHttpServer server([](const HttpCall&) { return HttpReply{.body = "server"}; });
  const HttpProxyVariable variable(proxy.url());
  HttpRequest request = get(server.url());
  EXPECT_EQ(http_fetch(request)->body, "server");
  request.proxy = Proxy::kFromEnvironment;
  EXPECT_EQ(http_fetch(request)->body, "proxy");
}

TEST(HttpFetchTest, OtherSchemesAreRefused) {
  EXPECT_TRUE(http_fetch(get("file:///etc/hostname")).has_error());
  EXPECT_TRUE(http_fetch(get("no url")).has_error());
}

}  // namespace
}  // namespace nextid::aws
