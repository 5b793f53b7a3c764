// Whether a store in etcd is the one that was opened, and what is done where it is not (I8).
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/cat.h"
#include "conformance/etcd_server.h"
#include "conformance/etcd_tap.h"
#include "conformance/store_harness.h"
#include "store/etcd/identity.h"
#include "store/etcd/opening.h"
#include "store/etcd/store.h"

namespace nextid::test {
namespace {

using base::cat;
using store::EtcdOpenOptions;

constexpr contract::WriterId kAda = 0xada;

class EtcdStoreIdentity : public ::testing::Test {
 protected:
  EtcdStoreIdentity() : prefix_(directory_.path().filename().string()) {}
  ~EtcdStoreIdentity() override {
    store_.reset();
    server().drop(prefix_);
  }

  static const EtcdServer& server() { return EtcdServer::instance(); }
  std::string key(const std::string& rest) const { return cat(prefix_, "/", rest); }
  void open() { store_ = server().open(prefix_); }
  Result<std::shared_ptr<store::EtcdStore>> try_open(const EtcdOpenOptions& options = {}) const {
    return store::EtcdStore::open(server().settings(prefix_), options, {});
  }
  void define() { run(*store_, contract::Define{"orders", kAda, Definition{}}); }
  contract::Outcome next(contract::Seq seq, contract::Seq prev) {
    return run(*store_, reserve("orders", kAda, seq, prev));
  }
  void expect_doubt(const std::string& part) {
    EXPECT_EQ(describe(next(90, 80)), "Damaged");
    const std::string doubt = store_->health().doubt;
    EXPECT_NE(doubt.find(part), std::string::npos) << doubt;
    EXPECT_NE(doubt.find("nextid recover --all"), std::string::npos) << doubt;
    EXPECT_TRUE(doubt.ends_with(".")) << doubt;
    EXPECT_EQ(list(*store_, "", 10).error().code(), ErrorCode::kCorrupt);
    EXPECT_EQ(describe(run(*store_, contract::TryWrite{})), "Damaged");
    EXPECT_EQ(describe(run(*store_, contract::Recall{"orders", "key"})), "Damaged");
  }
  /// Writes PREFIX/store with one member changed.
  void change_key(const std::string& name, const std::string& value) {
    const std::string text = server().get(key("store")).value();
    const std::string begin = cat("\"", name, "\":\"");
    const auto from = text.find(begin) + begin.size();
    server().put(key("store"), text.substr(0, from) + value + text.substr(text.find('"', from)));
  }

  TempDir directory_;
  const std::string prefix_;
  std::shared_ptr<contract::StoreDriver> store_;
};

TEST_F(EtcdStoreIdentity, StaysTheSameAndIsMadeOnce) {
  open();
  const StoreOpening made = store_->opening();
  EXPECT_TRUE(made.made);
  EXPECT_EQ(made.identity.size(), 32u);
  open();
  EXPECT_FALSE(store_->opening().made);
  EXPECT_EQ(store_->opening().identity, made.identity);
}

TEST_F(EtcdStoreIdentity, IsMadeOnceIfTheAnswerToThatIsLost) {
  EtcdTap tap;
  tap.once(&is_write, {true, etcd_error_reply(14, "transport is closing")});
  const auto store = store::EtcdStore::open(tap.settings(prefix_), {}, {});
  ASSERT_TRUE(store) << store.error().what();
  EXPECT_TRUE((*store)->opening().made);
  EXPECT_EQ(tap.calls(&is_write).size(), 2u);
}

TEST_F(EtcdStoreIdentity, NodesThatMakeItAtTheSameTimeAgree) {
  std::vector<StoreOpening> openings(8);
  std::vector<std::thread> threads;
  for (StoreOpening& opening : openings) {
    threads.emplace_back([&] { opening = server().open(prefix_)->opening(); });
  }
  for (std::thread& thread : threads) thread.join();
  int made = 0;
  for (const StoreOpening& opening : openings) {
    made += opening.made ? 1 : 0;
    EXPECT_EQ(opening.identity, openings.front().identity);
  }
  EXPECT_EQ(made, 1);
}

TEST_F(EtcdStoreIdentity, AStoreThatIsDeletedWhileOpenIsTheEnd) {
  open();
  define();
  server().drop(prefix_);
  EXPECT_EQ(describe(next(20, 0)), "Damaged");
  expect_doubt("deleted while it was in use");
}

TEST_F(EtcdStoreIdentity, AStoreThatIsMadeAnewWhileOpenIsTheEnd) {
  open();
  define();
  EXPECT_EQ(committed(next(10, 0)), 1);
  server().drop(prefix_);
  const auto other = server().open(prefix_);
  run(*other, contract::Define{"orders", 7, Definition{}});
  EXPECT_EQ(describe(next(20, 10)), "Damaged") << "also if the counter is there";
  expect_doubt("deleted and made anew");
  EXPECT_EQ(found(run(*other, contract::Load{"orders", 7})).value, 0) << "nothing was written";
}

TEST_F(EtcdStoreIdentity, ARecordIsNotWrittenIntoAnotherStore) {
  open();
  server().drop(prefix_);
  const auto other = server().open(prefix_);
  const contract::IdempotencyRecord record{IdRange(1, 1, 1), 4'000'000'000, 7};
  EXPECT_EQ(describe(run(*store_, contract::Remember{"orders", "key", record})), "Damaged");
  EXPECT_FALSE(server().get(key("i/orders/key")));
}

TEST_F(EtcdStoreIdentity, ARecoveryWhileOpenIsTakenIn) {
  open();
  define();
  EXPECT_EQ(committed(next(10, 0)), 1);
  ASSERT_TRUE(store::end_etcd_recovery(server().settings(prefix_), 1000));
  EXPECT_EQ(committed(next(20, 10)), 2);
  run(*store_, contract::Define{"new", kAda, Definition{}});
  EXPECT_EQ(found(run(*store_, contract::Load{"new", kAda})).value, 1000);
}

TEST_F(EtcdStoreIdentity, ADeletedCounterIsNotMadeAnew) {
  open();
  define();
  EXPECT_EQ(committed(next(10, 0)), 1);
  server().remove(key("c/orders"));
  EXPECT_EQ(describe(next(20, 10)), "Damaged");
  EXPECT_EQ(describe(run(*store_, contract::Load{"orders", kAda})), "Damaged");
  EXPECT_EQ(describe(run(*store_, contract::Define{"orders", kAda, Definition{}})), "Damaged");
  EXPECT_EQ(store_->health().doubt, "") << "other counters go on";
  run(*store_, contract::Define{"others", kAda, Definition{}});
}

TEST_F(EtcdStoreIdentity, AnotherClusterIsTheEnd) {
  EtcdTap tap;
  store_ = store::EtcdStore::open(tap.settings(prefix_), {}, {}).value();
  define();
  tap.plan([](const nextid::testing::HttpCall& call) {
    EtcdFate fate;
    fate.passes = false;
    fate.answer = EtcdTap::pass_on(call);
    const auto at = fate.answer->body.find("\"cluster_id\":\"");
    if (at != std::string::npos) fate.answer->body.insert(at + 14, "1");
    return fate;
  });
  EXPECT_EQ(describe(next(20, 0)), "Damaged");
  tap.plan({});
  expect_doubt("another cluster answers");
}

TEST_F(EtcdStoreIdentity, AFallOfTheRevisionIsTheEnd) {
  EtcdTap tap;
  store_ = store::EtcdStore::open(tap.settings(prefix_), {}, {}).value();
  define();
  EXPECT_EQ(committed(next(10, 0)), 1);
  tap.plan([](const nextid::testing::HttpCall& call) {
    EtcdFate fate;
    fate.passes = false;
    fate.answer = EtcdTap::pass_on(call);
    std::string& body = fate.answer->body;
    const std::string begin = "\"revision\":\"";
    const auto at = body.find(begin);
    if (at != std::string::npos) {
      body.replace(at + begin.size(), body.find('"', at + begin.size()) - at - begin.size(), "2");
    }
    return fate;
  });
  EXPECT_EQ(describe(next(20, 10)), "Damaged");
  tap.plan({});
  expect_doubt("went back in time");
}

TEST_F(EtcdStoreIdentity, ACopyInAnotherClusterIsRefusedUntilItIsAccepted) {
  open();
  define();
  EXPECT_EQ(committed(next(10, 0)), 1);
  const std::string identity = store_->opening().identity;
  store_.reset();
  change_key("cluster_id", "12345");
  const auto refused = try_open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kCorrupt);
  const std::string sentence = refused.error().what();
  for (const std::string& part :
       {std::string("the cluster 12345"), std::string("nextid recover --all --skip N --store '"),
        prefix_}) {
    EXPECT_NE(sentence.find(part), std::string::npos) << part << "\n" << sentence;
  }
  ASSERT_TRUE(try_open({.accept_as_is = true})) << "for a recovery";
  EXPECT_FALSE(try_open()) << "which has not ended";
  ASSERT_TRUE(store::end_etcd_recovery(server().settings(prefix_), 5));
  const auto recovered = try_open();
  ASSERT_TRUE(recovered);
  EXPECT_EQ((*recovered)->opening().identity, identity);
  EXPECT_FALSE((*recovered)->opening().made);

  change_key("cluster_id", "12345");
  ASSERT_TRUE(try_open({.accept_copy = true})) << "a move";
  EXPECT_TRUE(try_open()) << "which has ended with that";
}

TEST_F(EtcdStoreIdentity, ANewerFormatAndNonsenseAreRefused) {
  open();
  store_.reset();
  const std::string good = server().get(key("store")).value();
  change_key("format", "2");
  auto refused = try_open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kCorrupt);
  EXPECT_NE(std::string(refused.error().what()).find("use the newer nextid"), std::string::npos)
      << refused.error().what();
  server().put(key("store"), "{}");
  EXPECT_FALSE(try_open());
  server().put(key("store"), good);
  EXPECT_TRUE(try_open());
}

TEST_F(EtcdStoreIdentity, IsMadeOnlyWhereItMayBe) {
  store::EtcdSettings settings = server().settings(prefix_);
  EXPECT_TRUE(store::is_etcd_store_missing(settings));
  for (const bool is_known : {false, true}) {
    settings.create = is_known;
    settings.is_known = is_known;
    const auto missing = store::EtcdStore::open(settings, {}, {});
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code(), ErrorCode::kInvalid);
    EXPECT_NE(std::string(missing.error().what()).find("etcd has no store at '" + prefix_ + "'"),
              std::string::npos)
        << missing.error().what();
  }
  EXPECT_FALSE(server().get(key("store")));
  open();
  EXPECT_FALSE(store::is_etcd_store_missing(settings));
  EXPECT_TRUE(store::EtcdStore::open(settings, {}, {}));
}

TEST_F(EtcdStoreIdentity, CountersWithoutTheirStoreAreRefused) {
  open();
  define();
  store_.reset();
  server().remove(key("store"));
  const auto refused = try_open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kCorrupt);
  const auto recovered = try_open({.accept_as_is = true});
  ASSERT_TRUE(recovered);
  EXPECT_FALSE((*recovered)->opening().made);
  EXPECT_TRUE(try_open());
}

}  // namespace
}  // namespace nextid::test
