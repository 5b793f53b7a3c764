// What becomes of an op when etcd does not answer it as asked.
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "conformance/etcd_server.h"
#include "conformance/etcd_tap.h"
#include "conformance/store_harness.h"
#include "store/etcd/errors.h"
#include "store/etcd/store.h"

namespace nextid::test {
namespace {

using contract::InDoubt;
using contract::NotApplied;
using contract::Outcome;
using std::chrono::milliseconds;
using store::EtcdErrorKind;

constexpr contract::WriterId kAda = 0xada;

class EtcdErrors : public ::testing::Test {
 protected:
  EtcdErrors() : prefix_(directory_.path().filename().string()) { open(tap_.settings(prefix_)); }
  ~EtcdErrors() override {
    store_.reset();
    EtcdServer::instance().drop(prefix_);
  }

  void open(const store::EtcdSettings& settings) {
    store_ = store::EtcdStore::open(settings, {}, {}).value();
  }
  /// A counter with the value 1 by the seq 10.
  void begin() {
    run(*store_, contract::Define{"orders", kAda, Definition{}});
    ASSERT_EQ(committed(run(*store_, reserve("orders", kAda, 10, 0))), 1);
  }
  Outcome next(contract::Seq seq, contract::Seq prev) {
    return run(*store_, reserve("orders", kAda, seq, prev));
  }
  static std::string why(const Outcome& outcome) {
    if (const auto* failed = std::get_if<NotApplied>(&outcome)) return failed->why;
    if (const auto* in_doubt = std::get_if<InDoubt>(&outcome)) return in_doubt->why;
    if (const auto* damaged = std::get_if<contract::Damaged>(&outcome)) return damaged->why;
    return "";
  }

  TempDir directory_;
  const std::string prefix_;
  EtcdTap tap_;
  std::shared_ptr<contract::StoreDriver> store_;
};

/// What a write is that etcd answers so each time.
std::string expected_of_write(EtcdErrorKind kind) {
  return kind == EtcdErrorKind::kInDoubt ? "InDoubt" : "NotApplied";
}

TEST_F(EtcdErrors, EachRowOfTheTableIsWhatItSays) {
  begin();
  for (const store::EtcdErrorRow& row : store::kEtcdErrors) {
    const std::string message = "etcdserver: " + std::string(row.message) + ", and more";
    tap_.plan([&](const nextid::testing::HttpCall& call) {
      if (!is_write(call)) return EtcdFate();
      return EtcdFate{false, etcd_error_reply(row.code, message)};
    });
    const Outcome outcome = next(20, 10);
    EXPECT_EQ(describe(outcome), expected_of_write(row.kind)) << row.message;
    EXPECT_NE(why(outcome).find(row.message), std::string::npos) << why(outcome);
    EXPECT_NE(why(outcome).find(row.advice), std::string::npos) << why(outcome);
    if (const auto* failed = std::get_if<NotApplied>(&outcome)) {
      EXPECT_EQ(failed->throttled, row.kind == EtcdErrorKind::kThrottled) << row.message;
    }
  }
  tap_.plan({});
  EXPECT_EQ(committed(next(20, 10)), 2);
}

TEST_F(EtcdErrors, AReadThatFailsIsNotApplied) {
  begin();
  for (const store::EtcdErrorRow& row : store::kEtcdErrors) {
    tap_.plan([&](const nextid::testing::HttpCall&) {
      return EtcdFate{false, etcd_error_reply(row.code, "etcdserver: " + std::string(row.message))};
    });
    EXPECT_EQ(describe(run(*store_, contract::Load{"orders", kAda})), "NotApplied") << row.message;
  }
}

TEST_F(EtcdErrors, WhatIsNotInTheTableIsInDoubt) {
  begin();
  const std::vector<nextid::testing::HttpReply> replies{
      etcd_error_reply(14, "transport is closing"),
      etcd_error_reply(2, "something new"),
      etcd_error_reply(4, "context deadline exceeded"),
      etcd_error_reply(1, "context canceled"),
      {502, "<html>Bad Gateway</html>"},
      {500, ""},
      {200, "not JSON"},
      {200, "{}"},
      {200, R"({"header":{}})"},
  };
  for (const auto& reply : replies) {
    tap_.once(&is_write, {false, reply});
    const Outcome outcome = next(20, 10);
    const bool unsafe = std::holds_alternative<InDoubt>(outcome) ||
                        std::holds_alternative<contract::Damaged>(outcome);
    EXPECT_TRUE(unsafe) << reply.body << ": " << describe(outcome);
    if (std::holds_alternative<contract::Damaged>(outcome)) open(tap_.settings(prefix_));
  }
  tap_.plan({});
  EXPECT_EQ(committed(next(20, 10)), 2);
}

TEST_F(EtcdErrors, AWriteThatMayHaveReachedEtcdIsSentOnce) {
  begin();
  const std::size_t before = tap_.calls(&is_write).size();
  tap_.once(&is_write, {true, etcd_error_reply(14, "transport is closing")});
  const Outcome outcome = next(20, 10);
  EXPECT_EQ(describe(outcome), "InDoubt");
  EXPECT_EQ(tap_.calls(&is_write).size(), before + 1) << "only the engine repeats";
  const contract::CounterState seen = refused(next(20, 10));
  EXPECT_EQ(seen.value, 2) << "the repeat finds it applied";
  EXPECT_EQ(seen.slot, (contract::Slot{20, 2}));
  EXPECT_EQ(tap_.calls(&is_write).size(), before + 1);
}

TEST_F(EtcdErrors, ASilentServerLeavesAWriteInDoubtWithinTheLimit) {
  begin();
  store::EtcdSettings settings = tap_.settings(prefix_);
  settings.attempt_timeout = milliseconds(200);
  open(settings);
  tap_.once(&is_write, {true, nextid::testing::HttpReply{.never = true}});
  const auto start = base::monotonic_now();
  EXPECT_EQ(describe(next(20, 10)), "InDoubt");
  EXPECT_LT(base::monotonic_now() - start, std::chrono::seconds(5));
  EXPECT_EQ(refused(next(20, 10)).value, 2);
}

TEST_F(EtcdErrors, ALateTransactionIsNotApplied) {
  begin();
  store::EtcdSettings settings = tap_.settings(prefix_);
  settings.attempt_timeout = milliseconds(200);
  open(settings);
  EXPECT_EQ(committed(next(15, 10)), 2);
  tap_.once(&is_write, {false, nextid::testing::HttpReply{.never = true}});
  EXPECT_EQ(describe(next(20, 15)), "InDoubt");
  const auto late = tap_.calls(&is_write).back();
  EXPECT_EQ(committed(next(20, 15)), 3) << "it had not arrived";
  const auto answer = EtcdTap::pass_on(late);
  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(answer.body.find("\"succeeded\":true"), std::string::npos) << answer.body;
  EXPECT_EQ(found(run(*store_, contract::Load{"orders", kAda})).value, 3);
  EXPECT_EQ(committed(run(*store_, contract::Release{"orders", kAda, 30, 20})), 3);
  EtcdTap::pass_on(late);
  EXPECT_EQ(found(run(*store_, contract::Load{"orders", kAda})).value, 3) << "after a release, too";
}

TEST_F(EtcdErrors, TheWriteThatFillsTheQuotaWasMade) {
  begin();
  const auto full = etcd_error_reply(8, "etcdserver: mvcc: database space exceeded");
  tap_.once(&is_write, {true, full});
  EXPECT_EQ(refused(next(20, 10)).slot, (contract::Slot{20, 2})) << "a read has told";
  tap_.once(&is_write, {false, full});
  const Outcome not_made = next(30, 20);
  EXPECT_EQ(describe(not_made), "NotApplied");
  EXPECT_NE(why(not_made).find("alarm disarm"), std::string::npos) << why(not_made);
  EXPECT_EQ(committed(next(30, 20)), 3);
}

TEST_F(EtcdErrors, ALostLeaseIsReplaced) {
  const contract::IdempotencyRecord record{IdRange(1, 1, 1), 4'000'000'000, 7};
  tap_.once(&is_write, {false, etcd_error_reply(5, "etcdserver: requested lease not found")});
  EXPECT_EQ(remembered(run(*store_, contract::Remember{"orders", "key", record})), record);
  const auto grants =
      tap_.calls([](const auto& call) { return call.target() == "/v3/lease/grant"; });
  EXPECT_EQ(grants.size(), 2u);
  EXPECT_EQ(remembered(run(*store_, contract::Remember{"orders", "key2", record})), record);
  EXPECT_EQ(tap_.calls([](const auto& call) { return call.target() == "/v3/lease/grant"; }).size(),
            2u)
      << "records share a lease";
}

TEST_F(EtcdErrors, NothingIsReadThatMayBeStale) {
  begin();
  next(20, 10);
  run(*store_, contract::Load{"orders", kAda});
  run(*store_, contract::Recall{"orders", "key"});
  list(*store_, "", 10);
  const auto all = tap_.calls([](const auto& call) { return call.target().starts_with("/v3/kv"); });
  ASSERT_GE(all.size(), 6u);
  for (const auto& call : all) {
    EXPECT_EQ(call.body().find("serializable"), std::string::npos) << call.body();
    EXPECT_EQ(std::string(call["Grpc-Metadata-hasleader"]), "true");
  }
}

TEST_F(EtcdErrors, AnOpOfACounterInUseIsOneCall) {
  begin();
  const auto count = [&] {
    return tap_.calls([](const auto& call) { return call.target() == "/v3/kv/txn"; }).size();
  };
  const std::size_t before = count();
  for (contract::Seq seq = 20; seq < 30; ++seq) {
    EXPECT_EQ(committed(next(seq, seq == 20 ? 10 : seq - 1)), static_cast<int>(seq) - 18);
  }
  EXPECT_EQ(count(), before + 10);
}

TEST_F(EtcdErrors, AnotherMemberIsAskedWhereNothingWasDone) {
  begin();
  store::EtcdSettings settings = tap_.settings(prefix_);
  EtcdTap other;
  settings.endpoints = {"http://127.0.0.1:1", tap_.url(), other.url()};
  open(settings);
  EXPECT_EQ(committed(next(20, 10)), 2) << "the first one can't be reached";
  EXPECT_TRUE(other.calls(&is_write).empty()) << "one that works is kept";
  tap_.plan([](const nextid::testing::HttpCall& call) {
    if (!is_write(call)) return EtcdFate();
    return EtcdFate{false, etcd_error_reply(14, "etcdserver: no leader")};
  });
  EXPECT_EQ(committed(next(30, 20)), 3) << "one without a leader sends on";
  EXPECT_EQ(other.calls(&is_write).size(), 1u);
}

TEST_F(EtcdErrors, UnreachableMembersAreNotApplied) {
  begin();
  store::EtcdSettings settings = tap_.settings(prefix_);
  EtcdTap gone;
  settings.endpoints = {tap_.url()};
  open(settings);
  store::EtcdSettings dead = settings;
  dead.endpoints = {"http://127.0.0.1:1", "http://127.0.0.1:2"};
  const auto opened = store::EtcdStore::open(dead, {}, {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::kUnavailable);
  EXPECT_NE(std::string(opened.error().what()).find("gave no answer"), std::string::npos)
      << opened.error().what();
}

// --- Users

class EtcdUsers : public EtcdErrors {
 protected:
  /// Answers as an etcd whose only good token is `token_`, and gives that out.
  void guard() {
    tap_.plan([this](const nextid::testing::HttpCall& call) {
      if (call.target() == "/v3/auth/authenticate") {
        ++sign_ins_;
        return EtcdFate{false, nextid::testing::HttpReply{200, R"({"token":")" + token_ + R"("})"}};
      }
      if (std::string(call["Authorization"]) == token_) return EtcdFate();
      return EtcdFate{false, etcd_error_reply(16, "etcdserver: invalid auth token")};
    });
  }
  store::EtcdSettings as_user() const {
    store::EtcdSettings settings = tap_.settings(prefix_);
    settings.user = "nextid";
    settings.password = "se\"cret";
    return settings;
  }

  std::string token_ = "first";
  std::atomic<int> sign_ins_{0};
};

TEST_F(EtcdUsers, ATokenIsHadOnceAndRenewedWhenItEnds) {
  guard();
  open(as_user());
  begin();
  EXPECT_EQ(sign_ins_, 1);
  token_ = "second";
  EXPECT_EQ(committed(next(20, 10)), 2) << "renewed within the attempt";
  EXPECT_EQ(sign_ins_, 2);
  const auto sign_in =
      tap_.calls([](const auto& call) { return call.target() == "/v3/auth/authenticate"; }).back();
  EXPECT_EQ(sign_in.body(), R"({"name":"nextid","password":"se\"cret"})");
}

TEST_F(EtcdUsers, ATokenThatDoesNotHelpIsNotApplied) {
  guard();
  open(as_user());
  begin();
  tap_.plan([](const nextid::testing::HttpCall& call) {
    if (call.target() == "/v3/auth/authenticate") {
      return EtcdFate{false, nextid::testing::HttpReply{200, R"({"token":"x"})"}};
    }
    return EtcdFate{false, etcd_error_reply(16, "etcdserver: invalid auth token")};
  });
  EXPECT_EQ(describe(next(20, 10)), "NotApplied");
}

TEST_F(EtcdUsers, AnEtcdWithoutUsersAsksForNoToken) {
  open(as_user());  // The real one says that authentication is not enabled.
  begin();
  EXPECT_EQ(committed(next(20, 10)), 2);
}

TEST_F(EtcdUsers, NoSentenceHasThePassword) {
  tap_.plan([](const nextid::testing::HttpCall&) {
    return EtcdFate{
        false,
        etcd_error_reply(3, "etcdserver: authentication failed, invalid user ID or password")};
  });
  const auto opened = store::EtcdStore::open(as_user(), {}, {});
  ASSERT_FALSE(opened);
  const std::string sentence = opened.error().what();
  EXPECT_EQ(sentence.find("cret"), std::string::npos) << sentence;
  EXPECT_NE(sentence.find("check the user and the password"), std::string::npos) << sentence;
}

}  // namespace
}  // namespace nextid::test
