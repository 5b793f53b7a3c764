// The idempotency records' own table: made when it is first needed, written with a condition, and
// read with care.
#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "conformance/dynamodb_server.h"
#include "conformance/dynamodb_tap.h"
#include "conformance/store_fixture.h"
#include "store/dynamodb/item.h"
#include "store/dynamodb/records.h"

namespace nextid::test {
namespace {

namespace json = boost::json;
using contract::IdempotencyRecord;
using contract::Outcome;
using contract::Recall;
using contract::Remember;
using std::chrono::seconds;
using Kind = aws::DynamodbReply::Kind;

/// The lines that a store logs, from any thread.
class Lines {
 public:
  Log log() {
    return [this](LogLevel level, const std::string& line) {
      const std::lock_guard lock(mutex_);
      lines_.emplace_back(level, line);
    };
  }
  /// Those of `level` with `text` in them.
  std::vector<std::string> with(LogLevel level, const std::string& text = "") const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> found;
    for (const auto& [of, line] : lines_) {
      if (of == level && line.find(text) != std::string::npos) found.push_back(line);
    }
    return found;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::pair<LogLevel, std::string>> lines_;
};

std::string why(const Outcome& outcome) {
  const auto* failed = std::get_if<contract::NotApplied>(&outcome);
  const auto* damaged = std::get_if<contract::Damaged>(&outcome);
  return failed != nullptr ? failed->why : damaged != nullptr ? damaged->why : describe(outcome);
}

bool is_not_applied(const Outcome& outcome) {
  return std::holds_alternative<contract::NotApplied>(outcome);
}

class DynamodbRecordsTest : public testing::Test {
 protected:
  explicit DynamodbRecordsTest(bool sends_old_items = true)
      : table_(directory_.path().filename().string()), tap_(server_, sends_old_items) {
    open();
  }
  ~DynamodbRecordsTest() override {
    store_.reset();
    server_.drop(table_);
  }

  void open(bool create = true) {
    store_.reset();
    store::DynamodbSettings settings = server_.settings(table_);
    settings.create = create;
    store_ = tap_.open(settings, lines_.log(), clock_.reader());
  }
  contract::StoreDriver& store() { return *store_; }
  std::string records_table() const { return table_ + "_idempotency"; }
  Outcome recall(const std::string& key = "key") { return run(store(), Recall{"orders", key}); }
  /// Repeats a Recall until the table has been made.
  Outcome recall_patiently() {
    const auto deadline = base::monotonic_now() + seconds(60);
    Outcome outcome = recall();
    while (is_not_applied(outcome) && base::monotonic_now() < deadline) outcome = recall();
    return outcome;
  }
  /// Answers of the service that tests give in its place, by operation.
  void answer(const std::string& operation, const TapReply& reply) {
    tap_.answer([=, this](const SentRequest& request) -> std::optional<TapReply> {
      if (request.operation != operation || request.table() != records_table()) return std::nullopt;
      return reply;
    });
  }
  IdempotencyRecord record(std::uint64_t owner, seconds after = seconds(3600)) const {
    return {IdRange(11, 3, 2), contract::whole_seconds(clock_.now_us()) + after.count(), owner};
  }
  std::optional<IdempotencyRecord> remember(const IdempotencyRecord& record) {
    return remembered(run(store(), Remember{"orders", "key", record}));
  }
  /// Puts an item under orders/key, as somebody's hand might.
  void put(json::object item) {
    item["record_id"] = store::text("orders/key");
    const auto reply = server_.call(records_table(), "PutItem", {{"Item", std::move(item)}});
    ASSERT_EQ(reply.kind, Kind::kDone) << reply.why;
  }
  json::object item_of(const IdempotencyRecord& record) const {
    return {{"first_id", store::number(record.range.start())},
            {"id_count", store::number(record.range.count())},
            {"increment", store::number(record.range.increment())},
            {"owner", store::number(record.owner)},
            {"expires_at", store::number(record.expires_s)}};
  }

  const DynamodbServer& server_ = DynamodbServer::instance();
  const TempDir directory_;
  TurnedClock clock_;
  const std::string table_;
  Lines lines_;
  DynamodbTap tap_;
  std::shared_ptr<contract::StoreDriver> store_;
};

// --- The table

TEST_F(DynamodbRecordsTest, TouchesNoTableThatNobodyNeeds) {
  run(store(), contract::Define{"orders", kAda, Definition{}});
  committed(run(store(), reserve("orders", kAda, clock_.now_us(), 0)));
  run(store(), contract::Load{"orders", kAda});
  ASSERT_TRUE(list(store(), "", 10));
  for (const SentRequest& request : tap_.requests()) EXPECT_EQ(request.table(), table_);
}

TEST_F(DynamodbRecordsTest, MakesTheTableWhenItIsFirstNeeded) {
  tap_.forget();
  EXPECT_EQ(why(recall()),
            "the table '" + records_table() + "' for idempotency records is being made");
  EXPECT_EQ(describe(recall_patiently()), "Remembered nothing");
  const auto creates = tap_.requests("CreateTable");
  ASSERT_EQ(creates.size(), 1u);
  const json::object expected{
      {"TableName", records_table()},
      {"AttributeDefinitions",
       json::array{json::object{{"AttributeName", "record_id"}, {"AttributeType", "S"}}}},
      {"KeySchema", json::array{json::object{{"AttributeName", "record_id"}, {"KeyType", "HASH"}}}},
      {"BillingMode", "PAY_PER_REQUEST"}};
  EXPECT_EQ(creates.front().body, expected);
  EXPECT_EQ(lines_.with(LogLevel::kInfo, "made table '" + records_table() + "'").size(), 1u);
}

TEST_F(DynamodbRecordsTest, SwitchesTheTimeToLiveOnOnce) {
  answer("UpdateTimeToLive", {.status = 200, .body = "{}"});
  recall_patiently();
  recall();
  store_.reset();  // Waits for the answers.
  const auto sent = tap_.requests("UpdateTimeToLive");
  ASSERT_EQ(sent.size(), 1u);
  const json::object expected{
      {"TableName", records_table()},
      {"TimeToLiveSpecification", {{"AttributeName", "expires_at"}, {"Enabled", true}}}};
  EXPECT_EQ(sent.front().body, expected);
  EXPECT_TRUE(lines_.with(LogLevel::kWarning).empty());
}

TEST_F(DynamodbRecordsTest, SaysHowToSwitchTheTimeToLiveOnWhereItMayNot) {
  answer("UpdateTimeToLive", DynamodbTap::error("AccessDeniedException"));
  recall_patiently();
  EXPECT_EQ(remember(record(1)), record(1)) << "the time to live only tidies up";
  store_.reset();
  const auto warnings = lines_.with(LogLevel::kWarning);
  ASSERT_EQ(warnings.size(), 1u);
  for (const std::string& part :
       {"dynamodb:UpdateTimeToLive on table '" + records_table() + "'",
        "aws dynamodb update-time-to-live --table-name " + records_table() + " --region ",
        std::string(" --time-to-live-specification Enabled=true,AttributeName=expires_at")}) {
    EXPECT_NE(warnings[0].find(part), std::string::npos) << part << "\n" << warnings[0];
  }
}

TEST_F(DynamodbRecordsTest, IsContentWhenAnotherNodeSwitchedTheTimeToLiveOn) {
  answer("UpdateTimeToLive",
         DynamodbTap::error("ValidationException", "TimeToLive is already enabled"));
  recall_patiently();
  store_.reset();
  EXPECT_EQ(tap_.requests("UpdateTimeToLive").size(), 1u);
  EXPECT_TRUE(lines_.with(LogLevel::kWarning).empty());
}

TEST_F(DynamodbRecordsTest, LeavesATableThatItDidNotMakeAsItIs) {
  recall_patiently();
  open();
  tap_.forget();
  EXPECT_EQ(describe(recall()), "Remembered nothing");
  store_.reset();
  EXPECT_EQ(tap_.operations(), std::vector<std::string>{"GetItem"});
}

TEST_F(DynamodbRecordsTest, WaitsForATableThatIsBeingMade) {
  tap_.answer([](const SentRequest& request) -> std::optional<TapReply> {
    if (request.operation == "GetItem") return DynamodbTap::error("ResourceNotFoundException");
    if (request.operation == "CreateTable") return DynamodbTap::error("ResourceInUseException");
    return std::nullopt;
  });
  tap_.forget();
  const auto begun = base::monotonic_now();
  for (int i = 0; i < 5; ++i) {
    EXPECT_NE(why(recall()).find("is being made"), std::string::npos) << why(recall());
  }
  // One a second at most: several only where this machine was slow.
  const auto passed = std::chrono::duration_cast<seconds>(base::monotonic_now() - begun);
  EXPECT_LE(std::ssize(tap_.requests("CreateTable")), passed.count() + 1);
}

TEST_F(DynamodbRecordsTest, SaysWhatToGrantWhereItMayNotMakeTheTable) {
  answer("CreateTable", DynamodbTap::error("AccessDeniedException"));
  std::string sentence = why(recall());
  const auto deadline = base::monotonic_now() + seconds(10);
  while (sentence.find("can't be made") == std::string::npos && base::monotonic_now() < deadline) {
    sentence = why(recall());
  }
  EXPECT_NE(sentence.find("lack the permission dynamodb:CreateTable on table '" + records_table()),
            std::string::npos)
      << sentence;
  EXPECT_NE(sentence.find("aws dynamodb create-table --table-name " + records_table()),
            std::string::npos)
      << sentence;
}

TEST_F(DynamodbRecordsTest, MakesNoTableThatItMustNotMake) {
  open(false);
  tap_.forget();
  const std::string sentence = why(recall());
  for (const std::string& part :
       {"there is no table '" + records_table() + "' in ", std::string("create=false"),
        "aws dynamodb create-table --table-name " + records_table() + " --region ",
        std::string(" --attribute-definitions AttributeName=record_id,AttributeType=S"
                    " --key-schema AttributeName=record_id,KeyType=HASH"
                    " --billing-mode PAY_PER_REQUEST"),
        "aws dynamodb update-time-to-live --table-name " + records_table()}) {
    EXPECT_NE(sentence.find(part), std::string::npos) << part << "\n" << sentence;
  }
  EXPECT_TRUE(is_not_applied(run(store(), Remember{"orders", "key", record(1)})));
  EXPECT_EQ(tap_.operations(), (std::vector<std::string>{"GetItem", "PutItem"}));
}

TEST_F(DynamodbRecordsTest, NamesTheTableThatItHasNoRightTo) {
  answer("GetItem", DynamodbTap::error("AccessDeniedException"));
  tap_.forget();
  const Outcome outcome = recall();
  EXPECT_TRUE(is_not_applied(outcome));
  EXPECT_NE(why(outcome).find("dynamodb:GetItem on table '" + records_table() + "'"),
            std::string::npos)
      << why(outcome);
  EXPECT_EQ(tap_.operations(), std::vector<std::string>{"GetItem"});
}

// --- The records

/// With the table made, and nothing counted so far.
class DynamodbRecordTest : public DynamodbRecordsTest {
 protected:
  explicit DynamodbRecordTest(bool sends_old_items = true) : DynamodbRecordsTest(sends_old_items) {
    EXPECT_EQ(describe(recall_patiently()), "Remembered nothing");
    open();
    tap_.forget();
  }
};

TEST_F(DynamodbRecordTest, IsOneItem) {
  remember(record(0xffff'ffff'ffff'ffff));
  EXPECT_EQ(remembered(recall()), record(0xffff'ffff'ffff'ffff));
  const auto sent = tap_.requests();
  ASSERT_EQ(sent.size(), 2u);
  json::object item = item_of(record(0xffff'ffff'ffff'ffff));
  item["record_id"] = store::text("orders/key");
  EXPECT_EQ(sent[0].operation, "PutItem");
  EXPECT_EQ(sent[0].body.at("Item"), json::value(item));
  EXPECT_EQ(sent[1].operation, "GetItem");
  EXPECT_EQ(sent[1].body.at("ConsistentRead"), json::value(true));
}

TEST_F(DynamodbRecordTest, HasItsScopeInItsName) {
  run(store(), Remember{"orders", "key", record(1), "shop"});
  EXPECT_EQ(tap_.requests("PutItem").at(0).body.at("Item").at("record_id"),
            json::value(store::text("@shop/orders/key")));
  EXPECT_EQ(remembered(recall()), std::nullopt);
}

TEST_F(DynamodbRecordTest, TakesTheOldItemFromARefusal) {
  remember(record(1));
  EXPECT_EQ(remember(record(2)), record(1));
  EXPECT_EQ(tap_.operations(), (std::vector<std::string>{"PutItem", "PutItem"}));
}

class DynamodbRecordWithoutOldItemsTest : public DynamodbRecordTest {
 protected:
  DynamodbRecordWithoutOldItemsTest() : DynamodbRecordTest(false) {}
};

TEST_F(DynamodbRecordWithoutOldItemsTest, ReadsTheRecordAfterARefusal) {
  remember(record(1));
  EXPECT_EQ(remember(record(2)), record(1));
  EXPECT_EQ(tap_.operations(), (std::vector<std::string>{"PutItem", "PutItem", "GetItem"}));
}

TEST_F(DynamodbRecordWithoutOldItemsTest, IsTriedAgainWhenTheOtherRecordEndsMeanwhile) {
  remember(record(1, seconds(10)));
  const IdempotencyRecord second = record(2);
  tap_.answer([this](const SentRequest& request) -> std::optional<TapReply> {
    if (request.operation == "GetItem") clock_.advance(seconds(10));
    return std::nullopt;
  });
  EXPECT_TRUE(is_not_applied(run(store(), Remember{"orders", "key", second})));
  EXPECT_EQ(remember(second), second);
}

TEST_F(DynamodbRecordTest, IsInDoubtUntilARepeatFindsIt) {
  tap_.answer([this](const SentRequest& request) -> std::optional<TapReply> {
    tap_.repeat(request);
    return DynamodbTap::error("InternalServerError", "", 500);
  });
  const Remember op{"orders", "key", record(1)};
  EXPECT_EQ(describe(run(store(), op)), "InDoubt");
  EXPECT_EQ(describe(recall()), "NotApplied") << "a read leaves nothing in doubt";
  tap_.answer({});
  EXPECT_EQ(remembered(run(store(), op)), record(1));
}

TEST_F(DynamodbRecordTest, IsTakenFromNobodyByALateCopy) {
  remember(record(1, seconds(10)));
  const SentRequest copy = tap_.requests("PutItem").at(0);
  EXPECT_EQ(tap_.repeat(copy).kind, Kind::kConditionFailed);
  clock_.advance(seconds(10));
  remember(record(2));
  EXPECT_EQ(tap_.repeat(copy).kind, Kind::kConditionFailed);
  EXPECT_EQ(remembered(recall()), record(2));
}

TEST_F(DynamodbRecordTest, IsAbsentWhereALateCopyFindsNothing) {
  remember(record(1, seconds(10)));
  const SentRequest copy = tap_.requests("PutItem").at(0);
  clock_.advance(seconds(10));
  const json::object gone{{"Key", {{"record_id", store::text("orders/key")}}}};
  ASSERT_EQ(server_.call(records_table(), "DeleteItem", gone).kind, Kind::kDone);
  EXPECT_EQ(tap_.repeat(copy).kind, Kind::kDone);
  EXPECT_EQ(remembered(recall()), std::nullopt);
  EXPECT_EQ(remember(record(2)), record(2));
}

TEST_F(DynamodbRecordTest, IsDamagedWhenItIsNone) {
  const struct {
    const char* attribute;
    json::value value;
    const char* says;
  } wrong[] = {{"first_id", store::text("11"), "first_id in DynamoDB is no number"},
               {"first_id", {{"N", "0"}}, "first_id 0"},
               {"first_id", {{"N", "9223372036854775807"}}, "first_id 9223372036854775807"},
               {"id_count", {{"N", "1.5"}}, "id_count in DynamoDB is '1.5'"},
               {"id_count", {{"N", "0"}}, "id_count 0"},
               {"id_count", {{"N", "9223372036854775807"}}, "are no ids"},
               {"increment", {{"N", "-2"}}, "increment in DynamoDB is '-2'"},
               {"owner", {{"N", "18446744073709551616"}}, "no integer below 2^64"},
               {"expires_at", store::text("never"), "expires_at in DynamoDB is no number"}};
  for (const auto& [attribute, value, says] : wrong) {
    json::object item = item_of(record(1));
    item[attribute] = value;
    put(item);
    for (const Outcome& outcome : {recall(), run(store(), Remember{"orders", "key", record(2)})}) {
      EXPECT_TRUE(std::holds_alternative<contract::Damaged>(outcome)) << describe(outcome);
      EXPECT_NE(why(outcome).find(says), std::string::npos) << why(outcome);
      EXPECT_NE(why(outcome).find("'orders/key' of table '" + records_table() + "'"),
                std::string::npos)
          << why(outcome);
    }
  }
  for (const char* attribute : {"first_id", "id_count", "increment", "owner", "expires_at"}) {
    json::object item = item_of(record(1));
    item.erase(attribute);
    put(item);
    EXPECT_EQ(describe(recall()), "Damaged") << attribute;
  }
}

TEST_F(DynamodbRecordTest, MayBeAnythingOnceItIsOver) {
  put({{"expires_at", store::number(contract::whole_seconds(clock_.now_us()))}});
  EXPECT_EQ(remembered(recall()), std::nullopt);
  EXPECT_EQ(remember(record(2)), record(2));
}

}  // namespace
}  // namespace nextid::test
