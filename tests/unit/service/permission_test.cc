// Who may have what, by the token that was shown.
#include "service/permission.h"

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/node/scratch_dir.h"

namespace nextid::service {
namespace {

using auth::Verdict;

class PermissionTest : public ::testing::Test {
 protected:
  PermissionTest() {
    const std::string path = dir_.path() / "tokens";
    std::ofstream(path) << auth::token_line("billing", "takes", "allocate", {"orders", "bills"})
                        << "\n"
                        << auth::token_line("board", "looks", "read", {"*"}) << "\n";
    access_ = *auth::Access::open(path);
  }

  Permission judge(const Needs& needs, const std::string& secret,
                   const std::vector<std::string_view>& counters = {}) {
    auth::Session caller(*access_);
    EXPECT_TRUE(secret.empty() || caller.sign_in(secret));
    return permission_of(needs, counters, caller);
  }

  testing::ScratchDir dir_;
  std::unique_ptr<auth::Access> access_;
};

TEST_F(PermissionTest, EveryoneNeedsNoToken) { EXPECT_TRUE(judge(kEveryone, "").granted()); }

TEST_F(PermissionTest, WhoHasShownNoneIsUnknown) {
  for (const Needs& needs :
       {kHolder, kTakesIds, kLooksAt, kDefines, kDeletes, kLists, kCounts, kInspects}) {
    EXPECT_EQ(judge(needs, "", {"orders"}).verdict, Verdict::kUnknown) << needs.to;
  }
}

TEST_F(PermissionTest, AHolderIsGrantedWhatAsksForNoRight) {
  EXPECT_TRUE(judge(kHolder, "takes").granted());
}

TEST_F(PermissionTest, EachCounterNeedsTheRight) {
  EXPECT_TRUE(judge(kTakesIds, "takes", {"orders"}).granted());
  EXPECT_TRUE(judge(kTakesIds, "takes", {"orders", "bills"}).granted());
  const Permission refused = judge(kTakesIds, "takes", {"orders", "others", "more"});
  EXPECT_EQ(refused.verdict, Verdict::kForbidden);
  EXPECT_EQ(refused.counter, "others");
  EXPECT_EQ(judge(kLooksAt, "takes", {"orders"}).verdict, Verdict::kForbidden);
  EXPECT_EQ(judge(kDefines, "takes", {"orders"}).verdict, Verdict::kForbidden);
}

TEST_F(PermissionTest, ACallThatNamesNoCounterNeedsTheRightForAll) {
  EXPECT_EQ(judge(kTakesIds, "takes").verdict, Verdict::kForbidden);
  EXPECT_TRUE(judge(kLooksAt, "looks").granted());
}

TEST_F(PermissionTest, WhatConcernsAllNeedsTheRightForAll) {
  for (const Needs& needs : {kLists, kCounts, kInspects}) {
    EXPECT_TRUE(judge(needs, "looks").granted()) << needs.to;
    const Permission refused = judge(needs, "takes", {"orders"});
    EXPECT_EQ(refused.verdict, Verdict::kForbidden) << needs.to;
    EXPECT_EQ(refused.counter, "");
  }
}

TEST_F(PermissionTest, AServerWithoutTokensGrantsAll) {
  const auth::Access open;
  auth::Session caller(open);
  for (const Needs& needs : {kEveryone, kHolder, kTakesIds, kLooksAt, kDefines, kLists}) {
    EXPECT_TRUE(permission_of(needs, {}, caller).granted());
  }
}

TEST(Needs, SayWhatActs) {
  EXPECT_TRUE(kTakesIds.acts());
  EXPECT_TRUE(kDefines.acts());
  for (const Needs& needs : {kEveryone, kHolder, kLooksAt, kLists, kCounts, kInspects}) {
    EXPECT_FALSE(needs.acts()) << needs.to;
  }
  EXPECT_TRUE(kTakesIds.takes_ids());
  EXPECT_FALSE(kDefines.takes_ids());
}

}  // namespace
}  // namespace nextid::service
