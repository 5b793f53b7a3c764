#include "auth/access.h"

#include <fstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "unit/node/scratch_dir.h"

namespace nextid::auth {
namespace {

class AccessTest : public ::testing::Test {
 protected:
  void write(const std::string& text) { std::ofstream(path_) << text; }
  static std::string line(const std::string& name, const std::string& secret,
                          const std::string& rights, const std::string& counter) {
    return token_line(name, secret, rights, {counter}) + "\n";
  }

  testing::ScratchDir dir_;
  std::string path_ = dir_.path() / "tokens";
};

TEST_F(AccessTest, OpenAccessGrantsEverything) {
  Access access;
  EXPECT_FALSE(access.needs_tokens());
  EXPECT_TRUE(access.reload());
  Session session(access);
  EXPECT_EQ(session.may(Right::kDefine, "a"), Verdict::kGranted);
  EXPECT_EQ(session.may_all(Right::kRead), Verdict::kGranted);
  EXPECT_FALSE(session.sign_in("secret"));
  EXPECT_EQ(session.may(Right::kDefine, "a"), Verdict::kGranted);
}

TEST_F(AccessTest, ASessionMayDoWhatItsTokenSays) {
  write(line("a", "secret", "allocate", "orders:*") + line("b", "reader", "read", "*"));
  const auto access = Access::open(path_);
  ASSERT_TRUE(access);
  Session session(**access);
  EXPECT_EQ(session.may(Right::kAllocate, "orders:1"), Verdict::kUnknown);
  EXPECT_EQ(session.may_all(Right::kRead), Verdict::kUnknown);
  EXPECT_FALSE(session.sign_in("wrong"));
  EXPECT_EQ(session.may(Right::kAllocate, "orders:1"), Verdict::kUnknown);
  EXPECT_TRUE(session.sign_in("secret"));
  EXPECT_EQ(session.name(), "a");
  EXPECT_EQ(session.may(Right::kAllocate, "orders:1"), Verdict::kGranted);
  EXPECT_EQ(session.may(Right::kAllocate, "global"), Verdict::kForbidden);
  EXPECT_EQ(session.may(Right::kRead, "orders:1"), Verdict::kForbidden);
  EXPECT_EQ(session.may_all(Right::kRead), Verdict::kForbidden);
  EXPECT_TRUE(session.sign_in("reader"));
  EXPECT_EQ(session.may_all(Right::kRead), Verdict::kGranted);
  EXPECT_EQ(session.may(Right::kAllocate, "orders:1"), Verdict::kForbidden);
  EXPECT_FALSE(session.sign_in("wrong"));  // Signs out.
  EXPECT_EQ(session.may_all(Right::kRead), Verdict::kUnknown);
  EXPECT_EQ(session.name(), "");
}

TEST_F(AccessTest, KeysAreOfTheTokensNameUnlessTheyAreShared) {
  write(line("a", "secret", "allocate", "*"));
  const auto access = Access::open(path_).value();
  Session session(*access);
  EXPECT_EQ(session.key_scope(), "");
  session.sign_in("secret");
  EXPECT_EQ(session.key_scope(), "a");
  write(line("a", "another secret", "allocate", "*"));
  ASSERT_TRUE(access->reload());
  session.sign_in("another secret");
  EXPECT_EQ(session.key_scope(), "a");
  const auto sharing = Access::open(path_).value();
  sharing->set_key_rules({.shared = true});
  Session other(*sharing);
  other.sign_in("another secret");
  EXPECT_EQ(other.name(), "a");
  EXPECT_EQ(other.key_scope(), "");
}

TEST_F(AccessTest, SessionsFollowReloads) {
  write(line("a", "secret", "allocate", "*") + line("b", "other", "allocate", "*"));
  const auto access = Access::open(path_);
  ASSERT_TRUE(access);
  Session kept(**access);
  Session revoked(**access);
  ASSERT_TRUE(kept.sign_in("secret"));
  ASSERT_TRUE(revoked.sign_in("other"));

  write(line("a", "secret", "read", "*"));
  EXPECT_EQ(kept.may(Right::kAllocate, "x"), Verdict::kGranted);  // Not reloaded yet.
  ASSERT_TRUE((*access)->reload());
  EXPECT_EQ(kept.may(Right::kAllocate, "x"), Verdict::kForbidden);
  EXPECT_EQ(kept.may(Right::kRead, "x"), Verdict::kGranted);
  EXPECT_EQ(revoked.may(Right::kAllocate, "x"), Verdict::kUnknown);
  EXPECT_EQ(revoked.name(), "");
}

TEST_F(AccessTest, TheUseOfATokenOutlivesReloadsAndFollowsItsLimits) {
  const std::string begin = token_line("a", "secret", "allocate", {"*"});
  write(begin + " keys=5\n" + line("b", "other", "allocate", "*"));
  const auto access = Access::open(path_);
  ASSERT_TRUE(access);
  Session session(**access);
  EXPECT_EQ(session.usage(), nullptr);
  ASSERT_TRUE(session.sign_in("secret"));
  const auto usage = session.usage();
  ASSERT_NE(usage, nullptr);
  EXPECT_EQ(usage->limits().keys, 5U);
  EXPECT_EQ(usage->limits().counters_in_use, 50'000U) << "half of what the server may have";
  EXPECT_EQ(session.user(), usage.get());
  ASSERT_TRUE(session.sign_in("other"));
  EXPECT_NE(session.usage(), usage);

  write(token_line("a", "a new secret", "allocate", {"*"}) + " keys=6\n");
  ASSERT_TRUE((*access)->reload());
  ASSERT_TRUE(session.sign_in("a new secret"));
  EXPECT_EQ(session.usage(), usage);
  EXPECT_EQ(usage->limits().keys, 6U);
  EXPECT_EQ(usage->limits().counters_in_use, 100'000U);
}

TEST_F(AccessTest, ABadFileKeepsTheTokensFromBefore) {
  write(line("a", "secret", "allocate", "*"));
  const auto access = Access::open(path_);
  ASSERT_TRUE(access);
  Session session(**access);
  ASSERT_TRUE(session.sign_in("secret"));
  write("nonsense\n");
  EXPECT_TRUE((*access)->reload().has_error());
  EXPECT_EQ(session.may(Right::kAllocate, "x"), Verdict::kGranted);
  EXPECT_TRUE(session.sign_in("secret"));
  EXPECT_TRUE(Access::open(path_).has_error());
}

TEST_F(AccessTest, ReloadsWhileOthersAsk) {
  write(line("a", "secret", "allocate", "*"));
  const auto access = Access::open(path_);
  ASSERT_TRUE(access);
  std::atomic<bool> stop{false};
  std::thread reloader([&] {
    while (!stop) ASSERT_TRUE((*access)->reload());
  });
  Session session(**access);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(session.sign_in("secret"));
    EXPECT_EQ(session.may(Right::kAllocate, "x"), Verdict::kGranted);
  }
  stop = true;
  reloader.join();
}

}  // namespace
}  // namespace nextid::auth
