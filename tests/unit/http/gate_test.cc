#include "http/gate.h"

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace nextid::http {
namespace {

using std::chrono::milliseconds;

class HttpGateTest : public ::testing::Test {
 protected:
  Refusal check(std::string_view method, std::string_view target, std::string_view host) {
    Request request;
    request.method = method;
    request.target = target;
    request.host = {host, 1};
    request.request_id = {"id-1", 1};
    auth::Session session(access_);
    return gate_.check(request, route_of(request, 100), session, id_);
  }

  auth::Access access_;
  std::vector<std::string> lines_;
  Gate gate_{access_,
             {.listen_host = "127.0.0.1", .allowed_hosts = {}},
             [this](LogLevel, const std::string& line, const base::LogFields& fields) {
               lines_.push_back(line);
               fields_ = fields;
             }};
  base::LogFields fields_;
  std::string id_;
};

TEST_F(HttpGateTest, QuestionsOfHealthAreForEveryHost) {
  EXPECT_FALSE(check("GET", "/next", "localhost:8000"));
  EXPECT_EQ(id_, "id-1");
  EXPECT_EQ(check("GET", "/next", "evil.example")->status, 403U);
  EXPECT_FALSE(check("GET", "/readyz", "evil.example"));
  EXPECT_FALSE(check("OPTIONS", "/", "evil.example"));
  EXPECT_EQ(check("GET", "/metrics", "evil.example")->status, 403U);
  EXPECT_EQ(check("GET", "/nowhere", "evil.example")->status, 403U);
  EXPECT_FALSE(check("GET", "/healthz", "evil.example"));
}

TEST_F(HttpGateTest, NewRequestIdsDiffer) {
  Gate other(access_, {.listen_host = "127.0.0.1", .allowed_hosts = {}},
             [](LogLevel, const std::string&, const base::LogFields&) {});
  std::set<std::string> ids;
  for (int i = 0; i < 100; ++i) {
    ids.insert(gate_.new_request_id());
    ids.insert(other.new_request_id());
  }
  EXPECT_EQ(ids.size(), 200U);
}

TEST_F(HttpGateTest, LogsFewFailuresASecondAndCountsTheRest) {
  const auto reply =
      problem_reply({.status = 503, .code = "unavailable", .detail = "The disk is full."});
  const auto now = base::monotonic_now();
  for (int i = 0; i < 100; ++i) gate_.note_failure(reply, "a", now + milliseconds(i));
  ASSERT_EQ(lines_.size(), Gate::kFailuresLogged);
  EXPECT_EQ(lines_.front(), "Request 'a' was answered 503 (unavailable): The disk is full.");
  gate_.note_failure(reply, "b", now + milliseconds(1000));
  ASSERT_EQ(lines_.size(), Gate::kFailuresLogged + 1);
  EXPECT_EQ(
      lines_.back(),
      "Request 'b' was answered 503 (unavailable): The disk is full. Before it, 95 others that "
      "failed.");
  gate_.note_failure(reply, "c", now + milliseconds(1001));
  EXPECT_EQ(lines_.back(), "Request 'c' was answered 503 (unavailable): The disk is full.");
}

// What a client says is no part of the sentence, and programs have it by itself.
TEST_F(HttpGateTest, ARequestIdStaysInItsQuotes) {
  const auto reply = problem_reply({.status = 504, .code = "deadline", .detail = "Late."});
  const std::string id = "a' was answered 200 (ok): fine. " + std::string(90, 'x');
  gate_.note_failure(reply, id, base::monotonic_now());
  EXPECT_EQ(lines_.back(), "Request 'a\\x27 was answered 200 (ok): fine. " + std::string(90, 'x') +
                               "' was answered 504 (deadline): Late.");
  ASSERT_EQ(fields_.size(), 3U);
  EXPECT_EQ(fields_[0].name, "request_id");
  EXPECT_EQ(std::get<std::string>(fields_[0].value), id);
  EXPECT_EQ(std::get<std::uint64_t>(fields_[1].value), 504U);
  EXPECT_EQ(std::get<std::string>(fields_[2].value), "deadline");
}

}  // namespace
}  // namespace nextid::http
