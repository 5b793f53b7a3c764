#include "http/access.h"

#include <fstream>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "unit/node/scratch_dir.h"

namespace nextid::http {
namespace {

using auth::Right;

class HttpAccessTest : public ::testing::Test {
 protected:
  HttpAccessTest() {
    const std::string path = dir_.path() / "tokens";
    std::ofstream(path) << auth::token_line("billing", "secret", "allocate", {"orders"}) << "\n"
                        << auth::token_line("empty", "", "read,allocate,define", {"*"}) << "\n";
    access_ = *auth::Access::open(path);
  }

  // 0 when it is allowed.
  unsigned status_of(std::string_view target, Field authorization) {
    Request request;
    request.method = "GET";
    request.target = target;
    request.authorization = authorization;
    auth::Session session(*access_);
    const auto refusal = check_access(request, route_of(request, 100), session);
    if (!refusal) return 0;
    EXPECT_EQ(refusal->status == 401, !refusal->challenge.empty());
    EXPECT_EQ(refusal->detail.find("secret"), std::string::npos);
    return refusal->status;
  }

  testing::ScratchDir dir_;
  std::unique_ptr<auth::Access> access_;
};

TEST_F(HttpAccessTest, TakesBearerTokensAlone) {
  const std::string_view target = "/next?counter=orders";
  for (const auto* good : {"Bearer secret", "bearer secret", "BEARER   secret"}) {
    EXPECT_EQ(status_of(target, {good, 1}), 0U) << good;
  }
  for (const auto* bad : {"", "Bearer", "Bearer ", "Bearer   ", "secret", "Basic secret",
                          "Bearersecret", "Bearer Secret", "Bearer secret x", "Bearer wrong"}) {
    EXPECT_EQ(status_of(target, {bad, 1}), 401U) << bad;
  }
  EXPECT_EQ(status_of(target, {}), 401U);
  EXPECT_EQ(status_of(target, {"Bearer secret", 2}), 400U);
}

TEST_F(HttpAccessTest, JudgesByRightAndCounter) {
  const Field billing{"Bearer secret", 1};
  EXPECT_EQ(status_of("/next?counter=orders", billing), 0U);
  EXPECT_EQ(status_of("/v1/counters/orders/range?count=2", billing), 0U);
  EXPECT_EQ(status_of("/next", billing), 403U);
  EXPECT_EQ(status_of("/v1/counters/orders", billing), 403U);
  EXPECT_EQ(status_of("/v1/counters", billing), 403U);
  EXPECT_EQ(status_of("/range", billing), 0U) << "it is answered that its count is missing";
  EXPECT_EQ(status_of("/range", {}), 401U);
  EXPECT_EQ(status_of("/healthz", {}), 0U);
  EXPECT_EQ(status_of("/readyz", {"Bearer wrong", 1}), 0U);
}

TEST_F(HttpAccessTest, WithoutTokensTheFieldIsNotLookedAt) {
  access_ = std::make_unique<auth::Access>();
  EXPECT_EQ(status_of("/next", {}), 0U);
  EXPECT_EQ(status_of("/next", {"Bearer wrong", 2}), 0U);
}

}  // namespace
}  // namespace nextid::http
