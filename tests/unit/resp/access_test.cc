// Which commands a token allows, and in what words the others are refused.
#include "resp/access.h"

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/node/scratch_dir.h"

namespace nextid::resp {
namespace {

class RespAccessTest : public ::testing::Test {
 protected:
  RespAccessTest() {
    const std::string path = dir_.path() / "tokens";
    std::ofstream(path) << auth::token_line("billing", "takes", "allocate", {"orders", "bills"})
                        << "\n"
                        << auth::token_line("board", "looks", "read", {"*"}) << "\n"
                        << auth::token_line("desk", "some", "read", {"orders"}) << "\n";
    access_ = *auth::Access::open(path);
  }

  /// "" when it is allowed; else the code. `secret` may be "": nobody has signed in.
  std::string refusal(const std::string& secret, std::vector<std::string_view> arguments) {
    auth::Session caller(*access_);
    EXPECT_TRUE(secret.empty() || caller.sign_in(secret));
    Session session;
    const auto refused = check_access(route_of({arguments, false}, session, 100), caller);
    if (!refused) return "";
    sentence_ = *refused;
    return refused->substr(1, refused->find(' ') - 1);
  }

  testing::ScratchDir dir_;
  std::unique_ptr<auth::Access> access_;
  std::string sentence_;
};

TEST_F(RespAccessTest, WithoutATokenAClientMaySignInAndLeave) {
  EXPECT_EQ(refusal("", {"AUTH", "takes"}), "");
  EXPECT_EQ(refusal("", {"HELLO", "3"}), "");
  EXPECT_EQ(refusal("", {"QUIT"}), "");
  EXPECT_EQ(refusal("", {"RESET"}), "");
  for (const auto name : {"INCR", "GET", "PING", "INFO", "COMMAND", "CLIENT", "SCAN", "NOSUCH"}) {
    EXPECT_EQ(refusal("", {name, "orders"}), "NOAUTH") << name;
  }
}

TEST_F(RespAccessTest, AnyTokenMayAskWhatTellsNothing) {
  EXPECT_EQ(refusal("takes", {"PING"}), "");
  EXPECT_EQ(refusal("takes", {"ECHO", "x"}), "");
  EXPECT_EQ(refusal("takes", {"COMMAND"}), "");
}

TEST_F(RespAccessTest, IdsTakeTheRightForTheirCounter) {
  EXPECT_EQ(refusal("takes", {"INCR", "orders"}), "");
  EXPECT_EQ(refusal("takes", {"INCRBY", "bills", "5"}), "");
  EXPECT_EQ(refusal("takes", {"INCR", "tickets"}), "NOPERM");
  EXPECT_EQ(sentence_, "-NOPERM The token 'billing' does not allow to take ids of 'tickets'.\r\n");
  EXPECT_EQ(refusal("looks", {"INCR", "orders"}), "NOPERM");
  EXPECT_EQ(refusal("looks", {"INCRBY", "orders", "5"}), "NOPERM");
}

TEST_F(RespAccessTest, ALookTakesTheRightForEachCounter) {
  for (const auto name : {"GET", "MGET", "EXISTS", "TYPE"}) {
    EXPECT_EQ(refusal("some", {name, "orders"}), "") << name;
    EXPECT_EQ(refusal("some", {name, "bills"}), "NOPERM") << name;
    EXPECT_EQ(refusal("takes", {name, "orders"}), "NOPERM") << name;
  }
  EXPECT_EQ(refusal("some", {"MGET", "orders", "bills", "orders"}), "NOPERM");
  EXPECT_EQ(refusal("looks", {"MGET", "orders", "bills", "anything"}), "");
}

TEST_F(RespAccessTest, WhatConcernsAllCountersTakesTheRightForAll) {
  for (const auto& arguments :
       std::vector<std::vector<std::string_view>>{{"SCAN", "0"}, {"DBSIZE"}}) {
    EXPECT_EQ(refusal("looks", arguments), "") << arguments[0];
    EXPECT_EQ(refusal("some", arguments), "NOPERM") << arguments[0];
    EXPECT_EQ(refusal("takes", arguments), "NOPERM") << arguments[0];
  }
}

TEST_F(RespAccessTest, ACommandThatIsWrongAnyhowIsToldSo) {
  EXPECT_EQ(refusal("looks", {"INCR"}), "");
  EXPECT_EQ(refusal("takes", {"GET"}), "");
}

TEST_F(RespAccessTest, ATokenThatIsNoMoreAllowsNothing) {
  auth::Session caller(*access_);
  ASSERT_TRUE(caller.sign_in("looks"));
  std::ofstream(access_->path()) << auth::token_line("other", "x", "read", {"*"}) << "\n";
  ASSERT_TRUE(access_->reload());
  Session session;
  const std::vector<std::string_view> arguments{"DBSIZE"};
  const auto refused = check_access(route_of({arguments, false}, session, 100), caller);
  ASSERT_TRUE(refused);
  EXPECT_TRUE(refused->starts_with("-NOAUTH The token of this connection is no more")) << *refused;
}

}  // namespace
}  // namespace nextid::resp
