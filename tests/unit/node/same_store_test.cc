// I8 on real SQLite files: what this process issued it never forgets, whatever becomes of the file
// under it, and of the counters that nobody asks.
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "nextid/nextid.h"

#include "node/node.h"
#include "scratch_dir.h"
#include "store/factory.h"

namespace nextid {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return true;
}

class SameStoreTest : public ::testing::Test {
 protected:
  Store open(StoreOptions options = {}) {
    options.idle_counter_timeout = milliseconds(2);
    options.log = [this](LogLevel level, const std::string& line) {
      if (level == LogLevel::kError) errors_ += line + "\n";
    };
    return open_store(dir_.sqlite_url(), options).value();
  }

  /// Something else than nextid changes the file.
  void execute(const std::string& sql) const {
    const std::string path = dir_.sqlite_url().substr(std::string("sqlite:").size());
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10'000);
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(db);
    sqlite3_close(db);
  }

  static bool forgets_all(const Store& store) {
    return eventually([&] { return store.activity(0).counters_in_use == 0; });
  }

  static Result<std::uint64_t> next(const Store& store, const std::string& counter = "orders") {
    return IdGenerator(store, counter).next_id();
  }

  const testing::ScratchDir dir_;
  std::string errors_;
};

TEST_F(SameStoreTest, ACounterThatWasForgottenIsStillKnown) {
  const Store store = open();
  IdGenerator(store, "orders").next_range(30).value();
  ASSERT_TRUE(forgets_all(store));
  execute("UPDATE counters SET value = 10 WHERE writer = 0 AND name = 'orders'");
  const auto refused = next(store);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kCorrupt);
  EXPECT_EQ(std::string(refused.error().what()),
            "counter 'orders' has stopped: its value in the store is 10, and this node has issued "
            "ids up to 30. The store was probably set back by a restored backup or an old copy. Do "
            "not only restart: run `nextid recover orders --store " +
                store.url() + "` first.");
  EXPECT_EQ(next(store, "healthy").value(), 1U);
}

TEST_F(SameStoreTest, ACounterThatVanishedIsNotMadeAnew) {
  const Store store = open();
  IdGenerator(store, "orders").next_range(30).value();
  ASSERT_TRUE(forgets_all(store));
  execute("DELETE FROM counters WHERE name = 'orders'");
  EXPECT_EQ(next(store).error().code(), ErrorCode::kCorrupt);
  EXPECT_EQ(store.counter("orders").error().code(), ErrorCode::kNotFound) << "it is not made";
}

TEST_F(SameStoreTest, ACounterThatStoppedStaysSoThoughNobodyAsksForLong) {
  const Store store = open();
  const IdGenerator orders(store, "orders");
  orders.next_range(30).value();
  ASSERT_TRUE(eventually([&] { return store.accounting().store_writes == 3; }));
  execute("UPDATE counters SET value = 10 WHERE writer = 0 AND name = 'orders'");
  EXPECT_EQ(orders.next_id().error().code(), ErrorCode::kCorrupt);
  // Another node goes on, above all that this one knows.
  execute("UPDATE counters SET value = 100 WHERE writer = 0 AND name = 'orders'");
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(milliseconds(3));
    ASSERT_EQ(next(store).error().code(), ErrorCode::kCorrupt);
  }
}

TEST_F(SameStoreTest, OneThatStoppedIsForgottenButForItsSentence) {
  const Store store = open();
  next(store).value();
  ASSERT_TRUE(forgets_all(store));
  execute("UPDATE counters SET value = 0 WHERE writer = 0");
  EXPECT_FALSE(next(store));
  ASSERT_TRUE(forgets_all(store)) << "it takes no room from others";
  const NodeActivity activity = store.activity(5);
  EXPECT_EQ(activity.stopped_counters, 1U);
  ASSERT_EQ(activity.stopped.size(), 1U);
  EXPECT_EQ(activity.stopped[0].name, "orders");
  EXPECT_NE(activity.stopped[0].stopped.find("issued ids up to 1."), std::string::npos);
  EXPECT_EQ(next(store).error().code(), ErrorCode::kCorrupt);
}

TEST_F(SameStoreTest, TellsOfAllThatStoppedAndListsSome) {
  const Store store = open();
  for (const char* name : {"c", "a", "b", "healthy"}) next(store, name).value();
  ASSERT_TRUE(forgets_all(store));
  execute("UPDATE counters SET value = 0 WHERE writer = 0 AND name <> 'healthy'");
  EXPECT_TRUE(next(store, "healthy"));
  std::vector<IdGenerator> held;
  for (const char* name : {"c", "a", "b"}) {
    held.emplace_back(store, name);
    EXPECT_EQ(held.back().next_id().error().code(), ErrorCode::kCorrupt);
  }
  const NodeActivity activity = store.activity(2);
  EXPECT_EQ(activity.stopped_counters, 3U);
  ASSERT_EQ(activity.stopped.size(), 2U);
  EXPECT_EQ(activity.stopped[0].name, "a");
  EXPECT_EQ(activity.stopped[1].name, "b");
  for (const CounterActivity& each : store.activity(10).busiest) {
    EXPECT_EQ(each.stopped.empty(), each.name == "healthy") << each.name;
  }
  EXPECT_NE(errors_.find("counter 'a' has stopped: "), std::string::npos) << errors_;
}

/// A node as the state directory uses it.
class NodeMemoryTest : public SameStoreTest {
 protected:
  std::shared_ptr<node::Node> node(const std::string& state_dir) {
    StoreOptions options;
    options.default_cache = 100;
    options.state_dir = state_dir;
    auto driver = store::open_driver(dir_.sqlite_url(), {}).value();
    return node::Node::create(dir_.sqlite_url(), std::move(driver), options);
  }

  static std::int64_t only(const std::vector<node::CounterChange>& changes) {
    return changes.size() == 1 ? changes[0].issued : -1;
  }
};

TEST_F(NodeMemoryTest, TellsWhatHasChangedSinceTheLastCall) {
  const auto node = this->node("state");
  const Store store(node);
  EXPECT_TRUE(node->take_changes().empty());
  const IdGenerator ids(store, "orders");
  ids.next_range(10).value();
  EXPECT_EQ(only(node->take_changes()), 10) << "and not the end of what it has in stock";
  EXPECT_TRUE(node->take_changes().empty());
  for (int i = 0; i < 3; ++i) ids.next_id().value();
  EXPECT_EQ(only(node->take_changes()), 13) << "nobody asked the store for these";
  node->close(seconds(5));
  EXPECT_TRUE(node->take_changes().empty()) << "the stock went back";
  EXPECT_EQ(store.accounting().burned_total(), 0U);
}

TEST_F(NodeMemoryTest, TellsOfAStopOnce) {
  const auto node = this->node("state");
  const Store store(node);
  node->runtime().high_waters().note("orders", 10);
  EXPECT_FALSE(next(store));
  const auto changes = node->take_changes();
  ASSERT_FALSE(changes.empty());
  EXPECT_EQ(changes.back().counter, "orders");
  EXPECT_NE(changes.back().stopped.find("has stopped"), std::string::npos);
  for (const auto& change : node->take_changes()) EXPECT_TRUE(change.stopped.empty());
}

TEST_F(NodeMemoryTest, KeepsNoListWhereNobodyWouldTakeIt) {
  const auto node = this->node("");
  const Store store(node);
  next(store).value();
  EXPECT_TRUE(node->take_changes().empty());
}

}  // namespace
}  // namespace nextid
