// Counters in etcd that others use, too, and what is in their keys.
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/cat.h"
#include "conformance/etcd_server.h"
#include "conformance/store_harness.h"
#include "store/etcd/counter_text.h"

namespace nextid::test {
namespace {

using base::cat;

constexpr contract::WriterId kAda = 0xada;

class EtcdStoreTest : public ::testing::Test {
 protected:
  EtcdStoreTest() : prefix_(directory_.path().filename().string()), store_(open()) {}
  ~EtcdStoreTest() override {
    store_.reset();
    server().drop(prefix_);
  }

  static const EtcdServer& server() { return EtcdServer::instance(); }
  std::shared_ptr<contract::StoreDriver> open() const { return server().open(prefix_); }
  std::string key(const std::string& rest) const { return cat(prefix_, "/", rest); }
  void define(const std::string& counter) {
    run(*store_, contract::Define{counter, kAda, Definition{}});
  }
  /// As another program would.
  void advance(std::int64_t by) {
    auto state = store::parse_counter(server().get(key("c/orders")).value()).value();
    state.value += by;
    server().put(key("c/orders"), store::counter_text(state));
  }
  contract::Outcome next(contract::Seq seq, contract::Seq prev) {
    return run(*store_, reserve("orders", kAda, seq, prev));
  }

  TempDir directory_;
  const std::string prefix_;
  std::shared_ptr<contract::StoreDriver> store_;
};

TEST_F(EtcdStoreTest, KeepsWhatTheDocumentSays) {
  define("orders");
  EXPECT_EQ(committed(next(10, 0)), 1);
  EXPECT_EQ(server().get(key("c/orders")),
            R"({"value":"1","floor":"0","start":"1","increment":"1","max":"9223372036854775807",)"
            R"("cache":"1","comment":"","revision":"1"})");
  EXPECT_EQ(server().get(key("s/orders/0000000000000ada")), "10,1");
  EXPECT_EQ(committed(run(*store_, contract::Release{"orders", kAda, 20, 10})), 1);
  EXPECT_FALSE(server().get(key("s/orders/0000000000000ada")));
}

TEST_F(EtcdStoreTest, AnotherProgramsWriteCostsOneMoreCallAndNoAttempt) {
  define("orders");
  EXPECT_EQ(committed(next(10, 0)), 1);
  advance(100);
  const std::uint64_t before = store_->commits();
  EXPECT_EQ(committed(next(20, 10)), 102);
  EXPECT_EQ(store_->commits(), before + 2);
}

TEST_F(EtcdStoreTest, AnotherProgramsWriteThatLeavesNoRoomIsSeen) {
  define("orders");
  EXPECT_EQ(committed(next(10, 0)), 1);
  advance(100);
  contract::Reserve op = reserve("orders", kAda, 20, 10);
  op.limit = 50;
  EXPECT_EQ(refused(run(*store_, op)).value, 101);
}

TEST_F(EtcdStoreTest, NumbersThatAnotherProgramWroteAsNumbersAreTaken) {
  define("orders");
  server().put(key("c/orders"),
               R"({"value":41,"floor":0,"start":1,"increment":1,"max":1000,"cache":1,)"
               R"("comment":"theirs","revision":1})");
  EXPECT_EQ(committed(next(10, 0)), 42);
}

TEST_F(EtcdStoreTest, ACounterThatAnotherProgramSpoiltIsDamagedAndNothingElseIs) {
  define("orders");
  define("others");
  for (const char* text : {"41", "{}", R"({"value":"x"})", ""}) {
    server().put(key("c/orders"), text);
    EXPECT_EQ(describe(next(10, 0)), "Damaged") << text;
  }
  EXPECT_EQ(committed(run(*store_, reserve("others", kAda, 10, 0))), 1);
  const CounterPage page = list(*store_, "", 10).value();
  ASSERT_EQ(page.counters.size(), 1u) << "it hides no other";
  EXPECT_EQ(page.counters[0].name, "others");
  EXPECT_EQ(page.left_out, (std::vector<std::string>{"orders"}));
}

TEST_F(EtcdStoreTest, NodesThatRaceOnACounterGiveEachIdOnce) {
  constexpr int kNodes = 4;
  constexpr int kOps = 50;
  define("orders");
  std::vector<std::vector<std::int64_t>> ends(kNodes);
  std::vector<std::thread> threads;
  for (int node = 0; node < kNodes; ++node) {
    threads.emplace_back([&, node] {
      const auto mine = open();
      const auto writer = static_cast<contract::WriterId>(node + 1);
      contract::Seq prev = 0;
      for (contract::Seq seq = 10; ends[static_cast<std::size_t>(node)].size() < kOps;) {
        const auto outcome = run(*mine, reserve("orders", writer, seq, prev));
        if (const auto* done = std::get_if<contract::Committed>(&outcome)) {
          ends[static_cast<std::size_t>(node)].push_back(done->end);
          prev = seq++;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::int64_t> all;
  for (const auto& each : ends) all.insert(each.begin(), each.end());
  EXPECT_EQ(all.size(), std::size_t{kNodes * kOps});
  EXPECT_EQ(*all.rbegin(), kNodes * kOps) << "and none is left out";
}

TEST_F(EtcdStoreTest, OpsOfACounterDoNotRaceWithEachOther) {
  define("orders");
  std::vector<contract::Op> ops;
  for (contract::WriterId writer = 1; writer <= 20; ++writer) {
    ops.emplace_back(reserve("orders", writer, 10, 0));
  }
  const std::uint64_t before = store_->commits();
  for (const contract::Outcome& outcome : run_all(*store_, ops)) committed(outcome);
  EXPECT_EQ(store_->commits(), before + 20) << "each transaction's conditions held";
}

TEST_F(EtcdStoreTest, ATryWriteMakesNoRevision) {
  const auto revision = [] {
    const auto answer = server().call("/v3/kv/range", R"({"key":"AA=="})");
    return store::etcd_integer(answer.at("header").as_object(), "revision");
  };
  // Others may write to the server meanwhile, but not each time.
  const auto deadline = base::monotonic_now() + std::chrono::seconds(20);
  bool is_same = false;
  while (!is_same && base::monotonic_now() < deadline) {
    const auto before = revision();
    EXPECT_EQ(describe(run(*store_, contract::TryWrite{})), "Committed 0");
    is_same = revision() == before;
  }
  EXPECT_TRUE(is_same);
}

TEST_F(EtcdStoreTest, RecordsHaveALeaseThatOutlivesThem) {
  const auto expires_s = static_cast<std::int64_t>(base::wall_now_us() / 1'000'000) + 3600;
  const contract::IdempotencyRecord record{IdRange(5, 2, 1), expires_s, 7};
  remembered(run(*store_, contract::Remember{"orders", "key", record, "shop"}));
  EXPECT_EQ(server().get(key("i/@shop/orders/key")), cat("5,2,1,", expires_s, ",7"));
  const auto leases = server().call("/v3/kv/lease/leases", "{}");
  bool outlives = false;
  for (const auto& lease : leases.at("leases").as_array()) {
    const auto left =
        server().call("/v3/kv/lease/timetolive",
                      cat("{\"ID\":\"", std::string(lease.as_object().at("ID").as_string()),
                          "\",\"keys\":true}"));
    if (!left.contains("keys")) continue;
    outlives = outlives || store::etcd_integer(left, "TTL") >= 3600;
  }
  EXPECT_TRUE(outlives);
}

TEST_F(EtcdStoreTest, TwoStoresBesideEachOtherShareNothing) {
  define("orders");
  const auto other = server().open(prefix_ + "/more");
  run(*other, contract::Define{"theirs", kAda, Definition{}});
  EXPECT_EQ(list(*store_, "", 10).value().counters.size(), 1u);
  EXPECT_EQ(list(*other, "", 10).value().counters.size(), 1u);
  EXPECT_NE(store_->opening().identity, other->opening().identity);
}

}  // namespace
}  // namespace nextid::test
