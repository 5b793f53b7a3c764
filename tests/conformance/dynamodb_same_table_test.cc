// A table that is deleted and made anew, or restored under its name, below an open store (I8).
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "conformance/dynamodb_server.h"
#include "conformance/dynamodb_tap.h"
#include "conformance/store_fixture.h"
#include "store/dynamodb/identity.h"
#include "store/dynamodb/item.h"
#include "store/dynamodb/table.h"

namespace nextid::test {
namespace {

namespace json = boost::json;
using contract::Define;
using contract::Load;
using contract::Outcome;
using store::DynamodbIdentity;
using Kind = aws::DynamodbReply::Kind;

std::string why_damaged(const Outcome& outcome) {
  const auto* damaged = std::get_if<contract::Damaged>(&outcome);
  return damaged != nullptr ? damaged->why : "";
}

class DynamodbSameTable : public testing::Test {
 protected:
  DynamodbSameTable() : table_(directory_.path().filename().string()), tap_(server_) { open(); }
  ~DynamodbSameTable() override {
    store_.reset();
    server_.drop(table_);
  }

  void open() {
    store_.reset();
    store_ = tap_.open(
        server_.settings(table_),
        [this](LogLevel level, const std::string& line) {
          const std::lock_guard lock(mutex_);
          if (level == LogLevel::kError) errors_.push_back(line);
        },
        clock_.reader());
  }
  contract::StoreDriver& store() { return *store_; }
  contract::Seq now() const { return clock_.now_us(); }
  std::vector<std::string> errors() {
    const std::lock_guard lock(mutex_);
    return errors_;
  }
  template <typename Condition>
  bool wait_until(const Condition& condition) {
    const auto deadline = base::monotonic_now() + std::chrono::seconds(60);
    while (!condition()) {
      if (base::monotonic_now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return true;
  }
  std::string status() {
    const auto reply = server_.call(table_, "DescribeTable", {});
    return reply.kind == Kind::kTableMissing ? "" : store::description_of(reply.body).status;
  }
  /// Deletes the table, makes it anew, and puts these items into it.
  void exchange(const std::vector<json::object>& items = {}) {
    ASSERT_EQ(server_.call(table_, "DeleteTable", {}).kind, Kind::kDone);
    ASSERT_TRUE(wait_until([this] { return status().empty(); }));
    const auto made =
        server_.call(table_, "CreateTable", store::create_table_request("counter_id"));
    ASSERT_EQ(made.kind, Kind::kDone) << made.why;
    ASSERT_TRUE(wait_until([this] { return status() == "ACTIVE"; }));
    for (const json::object& item : items) {
      ASSERT_EQ(server_.call(table_, "PutItem", {{"Item", item}}).kind, Kind::kDone);
    }
  }
  std::optional<json::object> item(const std::string& counter) {
    const auto reply =
        server_.call(table_, "GetItem",
                     {{"Key", {{"counter_id", store::text(counter)}}}, {"ConsistentRead", true}});
    const json::value* found = reply.body.if_contains("Item");
    if (found == nullptr) return std::nullopt;
    return found->as_object();
  }
  /// Looks fail until the test ends.
  void blind() {
    tap_.answer([](const SentRequest& request) -> std::optional<TapReply> {
      if (request.operation != "DescribeTable") return std::nullopt;
      return DynamodbTap::error("ThrottlingException");
    });
  }

  const DynamodbServer& server_ = DynamodbServer::instance();
  const TempDir directory_;
  TurnedClock clock_;
  const std::string table_;
  DynamodbTap tap_;
  std::mutex mutex_;
  std::vector<std::string> errors_;
  std::shared_ptr<contract::StoreDriver> store_;
};

TEST_F(DynamodbSameTable, TellsTheTablesIdAndWhetherItMadeIt) {
  const auto reply = server_.call(table_, "DescribeTable", {});
  const std::string id = store::description_of(reply.body).id;
  ASSERT_FALSE(id.empty());
  EXPECT_EQ(store().opening().identity, id);
  EXPECT_TRUE(store().opening().made);
  open();
  EXPECT_EQ(store().opening().identity, id);
  EXPECT_FALSE(store().opening().made);
  EXPECT_TRUE(store().opening().remark.empty());
  EXPECT_TRUE(store().health().doubt.empty());
}

TEST_F(DynamodbSameTable, SaysWhereAServiceTellsNoTableId) {
  tap_.answer([this](const SentRequest& request) -> std::optional<TapReply> {
    if (request.operation != "DescribeTable") return std::nullopt;
    json::object body = server_.call(table_, "DescribeTable", {}).body;
    body["Table"].as_object().erase("TableId");
    return TapReply{.status = 200, .body = json::serialize(body)};
  });
  open();
  EXPECT_EQ(store().opening().identity, "");
  EXPECT_NE(store().opening().remark.find("tells no TableId of table '" + table_),
            std::string::npos)
      << store().opening().remark;
  const auto looks = tap_.requests("DescribeTable").size();
  EXPECT_EQ(describe(run(store(), Load{"orders", kAda})), "Missing");
  EXPECT_EQ(tap_.requests("DescribeTable").size(), looks) << "there is nothing to compare";
}

TEST_F(DynamodbSameTable, StartsNoCounterOnATableMadeAnew) {
  exchange();
  const std::string why = why_damaged(run(store(), Load{"orders", kAda}));
  for (const std::string& part :
       {"table '" + table_ + "'", std::string("made anew, or restored under its name"),
        store().opening().identity, "nextid recover --all --store 'dynamodb://" + table_ + "'"}) {
    EXPECT_NE(why.find(part), std::string::npos) << part << "\n" << why;
  }
  EXPECT_FALSE(store().health().doubt.empty());
  ASSERT_EQ(errors().size(), 1u);
  EXPECT_NE(errors()[0].find(why), std::string::npos) << errors()[0];
}

TEST_F(DynamodbSameTable, StartsNoCounterOnARestoredTable) {
  found(run(store(), Define{"orders", kAda, Definition{}}));
  committed(run(store(), reserve("orders", kAda, now(), 0, 10)));
  const json::object backup = *item("orders");
  committed(run(store(), reserve("orders", kAda, now() + 1, now(), 10)));
  exchange({backup});
  EXPECT_NE(why_damaged(run(store(), Load{"orders", kBob})), "");
}

TEST_F(DynamodbSameTable, DefinesNothingOnATableMadeAnew) {
  exchange();
  EXPECT_NE(why_damaged(run(store(), Define{"orders", 0, Definition{}})), "");
  EXPECT_FALSE(item("orders"));
}

TEST_F(DynamodbSameTable, EachOpIsDamagedFromThenOnWithoutACall) {
  exchange();
  run(store(), Load{"orders", kAda});
  tap_.forget();
  for (const contract::Op& op : std::vector<contract::Op>{
           Load{"orders", 0}, Load{"orders", kAda}, Define{"orders", kAda, Definition{}},
           contract::Redefine{"orders", kAda, Definition{}}, reserve("orders", kAda, now(), 0),
           contract::GiveBack{"orders", kAda, now(), 0, 5, 1},
           contract::Advance{"orders", kAda, now(), 0, 1, 9},
           contract::Release{"orders", kAda, now(), 0}, contract::Recall{"orders", "key"},
           contract::Remember{"orders", "key", {}}}) {
    EXPECT_NE(why_damaged(run(store(), op)), "") << describe(op);
  }
  const auto listed = list(store(), "", 10);
  ASSERT_TRUE(listed.has_error());
  EXPECT_EQ(listed.error().code(), ErrorCode::kCorrupt);
  EXPECT_TRUE(tap_.requests().empty());
  EXPECT_FALSE(item("orders"));
  EXPECT_EQ(errors().size(), 1u);
}

TEST_F(DynamodbSameTable, TurnsWithoutBeingAsked) {
  exchange();
  const auto begun = base::monotonic_now();
  ASSERT_TRUE(wait_until([this] { return !store().health().doubt.empty(); }));
  EXPECT_LE(base::monotonic_now() - begun, std::chrono::seconds(10));
  EXPECT_EQ(store().health().doubt.back(), '.');
}

TEST_F(DynamodbSameTable, AWriterWhoseCounterVanishedLearnsWhy) {
  found(run(store(), Define{"orders", kAda, Definition{}}));
  committed(run(store(), reserve("orders", kAda, now(), 0)));
  exchange();
  EXPECT_NE(why_damaged(run(store(), reserve("orders", kAda, now() + 1, now()))), "");
}

TEST_F(DynamodbSameTable, AWriterWhoseSlotIsGoneTakesNoIdFromAnotherTable) {
  found(run(store(), Define{"orders", kAda, Definition{}}));
  committed(run(store(), reserve("orders", kAda, now(), 0)));
  const json::object other{{"counter_id", store::text("orders")},
                           {"current_value", store::number(std::int64_t{500})},
                           {"revision", store::number(std::int64_t{1})},
                           {"start_value", store::number(std::int64_t{1})},
                           {"increment", store::number(std::int64_t{1})},
                           {"max_value", store::number(Definition{}.max)},
                           {"cache", store::number(std::int64_t{1})}};
  exchange({other});
  EXPECT_NE(why_damaged(run(store(), reserve("orders", kAda, now() + 1, now()))), "");
}

TEST_F(DynamodbSameTable, AWriterWhoseSlotIsOlderTakesNoIdFromAnotherTable) {
  found(run(store(), Define{"orders", kAda, Definition{}}));
  committed(run(store(), reserve("orders", kAda, now(), 0)));
  const json::object backup = *item("orders");
  committed(run(store(), reserve("orders", kAda, now() + 1, now())));
  exchange({backup});
  EXPECT_NE(why_damaged(run(store(), reserve("orders", kAda, now() + 2, now() + 1))), "");
}

TEST_F(DynamodbSameTable, AWriterThatPausedTakesNoIdFromATableRestoredToItsLastWrite) {
  found(run(store(), Define{"orders", kAda, Definition{}}));
  found(run(store(), Load{"orders", kAda}));
  const contract::Seq first = now();
  committed(run(store(), reserve("orders", kAda, first, 0)));
  exchange({*item("orders")});
  clock_.advance(std::chrono::milliseconds(101));
  std::this_thread::sleep_for(DynamodbIdentity::kBeside);  // For the look that began the counter.
  EXPECT_NE(why_damaged(run(store(), reserve("orders", kAda, now(), first))), "");
}

TEST_F(DynamodbSameTable, AWriterThatMetNoTableLooksBeforeItsNextId) {
  found(run(store(), Define{"orders", kAda, Definition{}}));
  committed(run(store(), reserve("orders", kAda, now(), 0)));
  const json::object backup = *item("orders");
  tap_.answer([](const SentRequest& request) -> std::optional<TapReply> {
    if (request.operation != "UpdateItem") return std::nullopt;
    return DynamodbTap::error("ResourceNotFoundException");
  });
  EXPECT_EQ(describe(run(store(), reserve("orders", kAda, now() + 1, now()))), "NotApplied");
  tap_.answer({});
  exchange({backup});  // To the last moment: nothing in the item tells.
  EXPECT_NE(why_damaged(run(store(), reserve("orders", kAda, now() + 1, now()))), "");
}

TEST_F(DynamodbSameTable, ATableThatIsThereAgainIsTheSame) {
  found(run(store(), Define{"orders", kAda, Definition{}}));
  tap_.answer([](const SentRequest& request) -> std::optional<TapReply> {
    if (request.operation == "DescribeTable") return std::nullopt;
    return DynamodbTap::error("ResourceNotFoundException");
  });
  EXPECT_EQ(describe(run(store(), reserve("orders", kAda, now(), 0))), "NotApplied");
  tap_.answer({});
  EXPECT_EQ(committed(run(store(), reserve("orders", kAda, now(), 0))), 1);
  EXPECT_TRUE(store().health().doubt.empty());
}

TEST_F(DynamodbSameTable, GivesIdsOfACounterInUseWhileLooksAreThrottled) {
  found(run(store(), Define{"orders", kAda, Definition{}}));
  blind();
  EXPECT_EQ(committed(run(store(), reserve("orders", kAda, now(), 0))), 1);
  EXPECT_EQ(describe(run(store(), Load{"orders", kBob})), "NotApplied")
      << "a counter is first used only on a table that was seen";
  tap_.answer({});
  EXPECT_EQ(found(run(store(), Load{"orders", kBob})).value, 1);
}

TEST_F(DynamodbSameTable, AnIdTakesNoCallMoreThanItsWrite) {
  found(run(store(), Define{"orders", kAda, Definition{}}));
  found(run(store(), Load{"orders", kAda}));
  contract::Seq prev = 0;
  tap_.forget();
  const auto begun = base::monotonic_now();
  for (int i = 1; i <= 200; ++i) {
    clock_.advance(std::chrono::milliseconds(1));
    const contract::Seq seq = now();
    EXPECT_EQ(committed(run(store(), reserve("orders", kAda, seq, std::exchange(prev, seq)))), i);
  }
  const auto passed =
      std::chrono::duration_cast<std::chrono::seconds>(base::monotonic_now() - begun);
  EXPECT_EQ(tap_.operations(), std::vector<std::string>(200, "UpdateItem"));
  EXPECT_LE(std::ssize(tap_.requests("DescribeTable")), passed.count() / 4 + 1);
}

}  // namespace
}  // namespace nextid::test
