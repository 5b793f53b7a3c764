// What is DynamoDB's own: items that other programs made, damaged ones, many slots, and the URL.
#include <future>
#include <memory>
#include <set>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <gtest/gtest.h>

#include "conformance/dynamodb_server.h"
#include "conformance/store_fixture.h"
#include "store/dynamodb/item.h"
#include "store/dynamodb/requests.h"
#include "store/dynamodb/store.h"

namespace nextid::test {
namespace {

namespace json = boost::json;
using contract::Advance;
using contract::GiveBack;
using contract::Load;
using contract::Redefine;
using contract::Reserve;
using contract::Slot;

class DynamodbStoreTest : public testing::Test {
 protected:
  DynamodbStoreTest() : table_(directory_.path().filename().string()) {
    store_ = server_.open(table_, clock_.reader());
  }
  ~DynamodbStoreTest() override {
    store_.reset();
    server_.drop(table_);
  }

  contract::StoreDriver& store() { return *store_; }
  contract::Seq now() const { return clock_.now_us(); }

  /// Another program's write.
  void update(const std::string& counter, const std::string& expression,
              const json::object& values) {
    const json::object request{{"Key", {{"counter_id", {{"S", counter}}}}},
                               {"UpdateExpression", expression},
                               {"ExpressionAttributeValues", values}};
    const auto reply = server_.call(table_, "UpdateItem", request);
    EXPECT_EQ(reply.kind, aws::DynamodbReply::Kind::kDone) << reply.why;
  }
  void add(const std::string& counter, std::int64_t n) {
    update(counter, "ADD current_value :n", {{":n", store::number(n)}});
  }
  json::object item(const std::string& counter) {
    const auto reply = server_.call(table_, "GetItem", store::get_request(counter));
    return reply.body.at("Item").as_object();
  }
  Reserve foreign_reserve(const std::string& counter, contract::Seq seq, contract::Seq prev,
                          std::uint64_t step = 1) {
    Reserve op = reserve(counter, kAda, seq, prev, step);
    op.revision = 0;
    return op;
  }

  const DynamodbServer& server_ = DynamodbServer::instance();
  const TempDir directory_;
  TurnedClock clock_;
  const std::string table_;
  std::shared_ptr<contract::StoreDriver> store_;
};

TEST_F(DynamodbStoreTest, ServesAnItemThatAnotherProgramMade) {
  add("theirs", 41);
  const contract::CounterState state = found(run(store(), Load{"theirs", kAda}));
  EXPECT_EQ(state.value, 41);
  Definition expected;
  expected.revision = 0;
  EXPECT_EQ(state.definition, expected);
  EXPECT_EQ(committed(run(store(), foreign_reserve("theirs", now(), 0, 3))), 44);
  add("theirs", 10);
  EXPECT_EQ(committed(run(store(), foreign_reserve("theirs", now() + 1, now()))), 55);
  // A definition, once there is one, is a change of rules like any other.
  update("theirs", "SET revision = :one", {{":one", store::number(std::int64_t{1})}});
  EXPECT_EQ(refused(run(store(), foreign_reserve("theirs", now() + 2, now() + 1))).value, 55);
}

/// Releases that know no deletion take its revision for damage.
TEST_F(DynamodbStoreTest, ADeletedItemStaysWithARevisionBelowZero) {
  add("theirs", 7);
  Definition definition = found(run(store(), Load{"theirs", kAda})).definition;
  ++definition.revision;
  EXPECT_TRUE(found(run(store(), Redefine{"theirs", 0, definition, true})).deleted);
  EXPECT_EQ(store::integer_of(item("theirs"), "revision").value(), -1);
  EXPECT_TRUE(refused(run(store(), foreign_reserve("theirs", now(), 0))).deleted);
  // Who adds by itself goes on, and comes by no id twice.
  add("theirs", 3);
  ++definition.revision;
  EXPECT_EQ(found(run(store(), Redefine{"theirs", 0, definition})).value, 10);
  EXPECT_EQ(store::integer_of(item("theirs"), "revision").value(), 2);
  Reserve op = foreign_reserve("theirs", now(), 0);
  op.revision = 2;
  EXPECT_EQ(committed(run(store(), op)), 11);
}

TEST_F(DynamodbStoreTest, KeepsTheItemThatAnotherProgramMadeWhenItIsDefined) {
  add("theirs", 7);
  EXPECT_EQ(found(run(store(), contract::Define{"theirs", kAda, Definition{}})).value, 7);
}

TEST_F(DynamodbStoreTest, GivesTheItemThatAnotherProgramMadeADefinition) {
  add("theirs", 41);
  const Definition ours{1, 1, 1000, 5, "ours", 1};
  const contract::CounterState state = found(run(store(), Redefine{"theirs", kAda, ours}));
  EXPECT_EQ(state.definition, ours);
  EXPECT_EQ(state.value, 41);
  EXPECT_EQ(refused(run(store(), Redefine{"theirs", kAda, ours})).definition, ours);
  add("theirs", 9);
  EXPECT_EQ(committed(run(store(), reserve("theirs", kAda, now(), 0))), 51);
  EXPECT_EQ(item("theirs").at("start_value"), json::value(store::number(std::int64_t{1})));
}

TEST_F(DynamodbStoreTest, RefusesToMoveTheItemThatAnotherProgramMade) {
  add("theirs", 41);
  for (const Definition& other :
       {Definition{2, 1, 1000, 1, "", 1}, Definition{1, 2, 1000, 1, "", 1},
        Definition{1, 1, 40, 1, "", 1}, Definition{1, 1, 1000, 1, "", 2}}) {
    EXPECT_EQ(refused(run(store(), Redefine{"theirs", kAda, other})).definition.revision, 0u);
  }
  EXPECT_EQ(item("theirs").size(), 2u);
}

TEST_F(DynamodbStoreTest, AdvancesTheItemThatAnotherProgramMadeAndGivesBack) {
  add("theirs", 41);
  EXPECT_EQ(committed(run(store(), Advance{"theirs", kAda, now(), 0, 0, 100})), 41);
  add("theirs", 1);
  const GiveBack too_late{"theirs", kAda, now() + 1, now(), 100, 90};
  EXPECT_EQ(refused(run(store(), too_late)).value, 101);
  committed(run(store(), foreign_reserve("theirs", now() + 1, now(), 10)));
  EXPECT_EQ(committed(run(store(), GiveBack{"theirs", kAda, now() + 2, now() + 1, 111, 105})), 105);
  EXPECT_EQ(describe(run(store(), GiveBack{"theirs", kAda, now() + 3, now() + 2, 105, -1})),
            "NotApplied");
}

TEST_F(DynamodbStoreTest, TakesAForeignAddBetweenAnyTwoOps) {
  run(store(), contract::Define{"shared", kAda, Definition{}});
  committed(run(store(), reserve("shared", kAda, now(), 0, 5)));
  add("shared", 100);
  EXPECT_EQ(committed(run(store(), reserve("shared", kAda, now() + 1, now(), 5))), 110);
  EXPECT_EQ(found(run(store(), Load{"shared", kAda})).slot, (Slot{now() + 1, 110}));
}

TEST_F(DynamodbStoreTest, CallsValuesDamagedThatNoCounterHas) {
  update("text", "SET current_value = :v", {{":v", store::text("5")}});
  update("none", "SET note = :v", {{":v", store::text("no value")}});
  add("negative", -1);
  update("fraction", "SET current_value = :v", {{":v", {{"N", "1.5"}}}});
  update("huge", "SET current_value = :v", {{":v", {{"N", "9223372036854775808"}}}});
  update("start", "SET current_value = :v, start_value = :v", {{":v", {{"N", "0"}}}});
  update("low", "SET current_value = :v, start_value = :s",
         {{":v", {{"N", "5"}}}, {":s", {{"N", "100"}}}});
  for (const char* counter : {"text", "none", "negative", "fraction", "huge", "start", "low"}) {
    EXPECT_EQ(describe(run(store(), Load{counter, kAda})), "Damaged") << counter;
    EXPECT_NE(describe(run(store(), contract::Define{counter, kAda, Definition{}})).find("Damaged"),
              std::string::npos)
        << counter;
  }
  add("good", 3);
  const CounterPage page = list(store(), "", 100).value();
  ASSERT_EQ(page.counters.size(), 1u) << "the others are left out";
  EXPECT_EQ(page.counters.front().name, "good");
  EXPECT_EQ(
      std::set<std::string>(page.left_out.begin(), page.left_out.end()),
      (std::set<std::string>{"text", "none", "negative", "fraction", "huge", "start", "low"}));
}

TEST_F(DynamodbStoreTest, ChangesNothingThatIsNoCounter) {
  update("text", "SET current_value = :v", {{":v", store::text("5")}});
  update("none", "SET note = :v", {{":v", store::text("no value")}});
  for (const char* counter : {"text", "none"}) {
    const json::object before = item(counter);
    for (const contract::Op& op : std::vector<contract::Op>{
             Redefine{counter, kAda, Definition{}}, GiveBack{counter, kAda, now(), 0, 5, 1},
             Advance{counter, kAda, now(), 0, 0, 10}}) {
      EXPECT_EQ(describe(run(store(), op)), "Damaged") << describe(op);
    }
    EXPECT_EQ(item(counter), before);
  }
}

TEST_F(DynamodbStoreTest, NamesTheAttributeThatIsDamaged) {
  update("fraction", "SET current_value = :v", {{":v", {{"N", "1.5"}}}});
  const auto outcome = run(store(), foreign_reserve("fraction", now(), 0));
  // 1.5 + 1 is applied before it is seen: a repeat meets the item.
  ASSERT_EQ(describe(outcome), "InDoubt");
  const auto again = run(store(), foreign_reserve("fraction", now(), 0));
  ASSERT_EQ(describe(again), "Damaged");
  const std::string why = std::get<contract::Damaged>(again).why;
  EXPECT_NE(why.find("current_value"), std::string::npos) << why;
  EXPECT_NE(why.find("2.5"), std::string::npos) << why;
}

TEST_F(DynamodbStoreTest, PrunesMoreSlotsThanOneWriteHolds) {
  run(store(), contract::Define{"crowded", kAda, Definition{}});
  for (contract::WriterId writer = 1; writer <= 60; ++writer) {
    committed(run(store(), reserve("crowded", writer, now() + writer, 0)));
  }
  EXPECT_EQ(store::slots_of(item("crowded")).size(), 60u);
  const contract::Seq newest = now() + 60;
  clock_.advance(2 * contract::kSlotIdleLimit);
  EXPECT_EQ(found(run(store(), Load{"crowded", kAda})).floor, newest);
  EXPECT_TRUE(store::slots_of(item("crowded")).empty());
  EXPECT_EQ(item("crowded").size(), 8u) << "the floor and the definition are all that is left";
}

TEST_F(DynamodbStoreTest, ReadsAllPagesOfAScan) {
  // Each item is some 50 KB, so that a page of 1 MB holds about 20.
  const std::string comment(50'000, 'c');
  for (int i = 0; i < 50; ++i) {
    Definition definition;
    definition.comment = comment;
    run(store(), contract::Define{"c" + std::to_string(100 + i), kAda, definition});
  }
  const CounterPage page = list(store(), "c109", 1000).value();
  ASSERT_EQ(page.counters.size(), 40u);
  EXPECT_EQ(page.counters.front().name, "c110");
  EXPECT_EQ(page.counters.back().name, "c149");
  EXPECT_FALSE(page.more);
}

TEST_F(DynamodbStoreTest, RefusesATableWithOtherKeys) {
  const std::string other = table_ + ".other";
  const json::object request{
      {"AttributeDefinitions",
       json::array{json::object{{"AttributeName", "pk"}, {"AttributeType", "S"}}}},
      {"KeySchema", json::array{json::object{{"AttributeName", "pk"}, {"KeyType", "HASH"}}}},
      {"BillingMode", "PAY_PER_REQUEST"}};
  const auto made = server_.call(other, "CreateTable", request);
  ASSERT_EQ(made.kind, aws::DynamodbReply::Kind::kDone) << made.why;
  const auto opened = store::DynamodbStore::open(server_.settings(other), {}, clock_.reader(),
                                                 server_.environment());
  ASSERT_TRUE(opened.has_error());
  EXPECT_EQ(opened.error().code(), ErrorCode::kInvalid);
  EXPECT_NE(std::string(opened.error().what()).find("pk (HASH)"), std::string::npos)
      << opened.error().what();
  server_.drop(other);
}

TEST_F(DynamodbStoreTest, SaysHowToMakeATableThatItMayNotMake) {
  store::DynamodbSettings settings = server_.settings(table_ + ".none");
  settings.create = false;
  const auto opened =
      store::DynamodbStore::open(settings, {}, clock_.reader(), server_.environment());
  ASSERT_TRUE(opened.has_error());
  EXPECT_EQ(opened.error().code(), ErrorCode::kInvalid);
  EXPECT_NE(std::string(opened.error().what())
                .find("aws dynamodb create-table --table-name " + settings.table),
            std::string::npos)
      << opened.error().what();
}

TEST_F(DynamodbStoreTest, EndsWellWhenAnAnswerDestroysIt) {
  std::promise<std::string> answered;
  auto* holder = new std::shared_ptr<contract::StoreDriver>(std::move(store_));
  (*holder)->submit({{Load{"none", kAda}, [&answered, holder](const contract::Outcome& outcome) {
                        delete holder;
                        answered.set_value(describe(outcome));
                      }}});
  EXPECT_EQ(answered.get_future().get(), "Missing");
}

TEST_F(DynamodbStoreTest, AForkedChildLeavesTheStoreToItsParent) {
  run(store(), contract::Define{"orders", kAda, Definition{}});
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::alarm(10);  // Waiting for the parent's threads, which it does not have, would never end.
    store_.reset();
    ::_exit(0);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_EQ(committed(run(store(), reserve("orders", kAda, now(), 0))), 1);
}

TEST_F(DynamodbStoreTest, SaysThatAnEndpointIsUnreachable) {
  store::DynamodbSettings settings = server_.settings(table_);
  settings.endpoint = "http://127.0.0.1:1";
  const auto opened =
      store::DynamodbStore::open(settings, {}, clock_.reader(), server_.environment());
  ASSERT_TRUE(opened.has_error());
  EXPECT_EQ(opened.error().code(), ErrorCode::kUnavailable);
  EXPECT_NE(std::string(opened.error().what()).find("http://127.0.0.1:1"), std::string::npos);
}

}  // namespace
}  // namespace nextid::test
