// The ops with a seq as DynamoDB gets them: which requests, and what their copies do when they
// arrive late. The stores' own look before a give-back must not be what keeps a copy out.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "conformance/dynamodb_server.h"
#include "conformance/dynamodb_tap.h"
#include "conformance/store_fixture.h"
#include "store/dynamodb/item.h"

namespace nextid::test {
namespace {

namespace json = boost::json;
using contract::Advance;
using contract::GiveBack;
using contract::Redefine;
using contract::Seq;
using contract::Slot;
using Kind = aws::DynamodbReply::Kind;
using Operations = std::vector<std::string>;

/// With a service that sends the old item when a condition fails, and with one that does not.
class DynamodbSlotOps : public testing::TestWithParam<bool> {
 protected:
  DynamodbSlotOps() : table_(directory_.path().filename().string()), tap_(server_, GetParam()) {
    store_ = tap_.open(server_.settings(table_), {}, clock_.reader());
    found(run(store(), contract::Define{"orders", kAda, Definition{}}));
  }
  ~DynamodbSlotOps() override {
    store_.reset();
    server_.drop(table_);
  }

  contract::StoreDriver& store() { return *store_; }
  Seq now() const { return clock_.now_us(); }
  contract::CounterState load(contract::WriterId writer = kAda) {
    return found(run(store(), contract::Load{"orders", writer}));
  }
  /// Only what follows is of interest.
  std::vector<SentRequest> sent_by(const contract::Op& op) {
    tap_.forget();
    run(store(), op);
    return tap_.requests();
  }
  /// How a failed condition shows the item.
  Operations after_refusal(Operations before, const Operations& then) const {
    if (!GetParam()) before.emplace_back("GetItem");
    before.insert(before.end(), then.begin(), then.end());
    return before;
  }
  /// Removes kAda's slot as a node that loads the counter much later does.
  void prune() {
    clock_.advance(2 * contract::kSlotIdleLimit);
    load(kBob);
  }
  void expect_refused(const SentRequest& copy) {
    EXPECT_EQ(tap_.repeat(copy).kind, Kind::kConditionFailed) << json::serialize(copy.body);
  }

  const DynamodbServer& server_ = DynamodbServer::instance();
  const TempDir directory_;
  TurnedClock clock_;
  const std::string table_;
  DynamodbTap tap_;
  std::shared_ptr<contract::StoreDriver> store_;
};

INSTANTIATE_TEST_SUITE_P(OldItems, DynamodbSlotOps, testing::Bool(),
                         [](const auto& row) { return row.param ? "sent" : "not_sent"; });

TEST_P(DynamodbSlotOps, SendsOneWriteOfTheShorterCondition) {
  committed(run(store(), reserve("orders", kAda, now(), 0, 10)));
  const auto advance = sent_by(Advance{"orders", kAda, now() + 1, now(), 1, 50});
  ASSERT_EQ(advance.size(), 1u);
  EXPECT_EQ(advance[0].text("UpdateExpression"),
            "SET current_value = :to, #e = current_value, #s = :seq");
  EXPECT_EQ(advance[0].text("ConditionExpression"),
            "#s = :prev AND current_value < :to AND revision = :rev");
  const auto give_back = sent_by(GiveBack{"orders", kAda, now() + 2, now() + 1, 50, 20});
  ASSERT_EQ(give_back.size(), 2u);
  EXPECT_EQ(give_back[0].operation, "GetItem");
  EXPECT_EQ(give_back[1].text("UpdateExpression"),
            "SET current_value = :new_end, #e = :new_end, #s = :seq");
  EXPECT_EQ(give_back[1].text("ConditionExpression"), "#s = :prev AND current_value = :end");
  EXPECT_EQ(load().slot, (Slot{now() + 2, 20}));
}

TEST_P(DynamodbSlotOps, AsksForNoSlotWhereTheWriterHasNone) {
  const auto advance = sent_by(Advance{"orders", kAda, now(), 0, 1, 50});
  ASSERT_EQ(advance.size(), 1u);
  EXPECT_EQ(advance[0].text("ConditionExpression"),
            "attribute_not_exists(#s) AND attribute_not_exists(#f) AND current_value < :to AND "
            "revision = :rev OR attribute_not_exists(#s) AND #f < :seq AND current_value < :to AND "
            "revision = :rev");
}

TEST_P(DynamodbSlotOps, SendsTheOtherFormOfAnAdvanceWhenTheSlotWasPruned) {
  const Seq first = now();
  committed(run(store(), reserve("orders", kAda, first, 0, 10)));
  prune();
  tap_.forget();
  EXPECT_EQ(committed(run(store(), Advance{"orders", kAda, now(), first, 1, 50})), 10);
  EXPECT_EQ(tap_.operations(), after_refusal({"UpdateItem"}, {"UpdateItem"}));
  EXPECT_EQ(load().slot, (Slot{now(), 10}));
}

TEST_P(DynamodbSlotOps, SendsTheOtherFormOfAGiveBackWhenTheSlotWasPruned) {
  const Seq first = now();
  committed(run(store(), reserve("orders", kAda, first, 0, 10)));
  prune();
  tap_.forget();
  EXPECT_EQ(committed(run(store(), GiveBack{"orders", kAda, now(), first, 10, 4})), 4);
  EXPECT_EQ(tap_.operations(), after_refusal({"GetItem", "UpdateItem"}, {"UpdateItem"}));
  EXPECT_EQ(load().slot, (Slot{now(), 4}));
}

TEST_P(DynamodbSlotOps, SendsNoOtherFormBelowTheFloor) {
  const Seq first = now();
  committed(run(store(), reserve("orders", kAda, first, 0, 10)));
  prune();
  tap_.forget();
  EXPECT_EQ(refused(run(store(), Advance{"orders", kAda, first, first - 1, 1, 50})).floor, first);
  EXPECT_EQ(tap_.operations(), after_refusal({"UpdateItem"}, {}));
}

TEST_P(DynamodbSlotOps, LooksBeforeItGivesBackAndThenSendsNoWriteInVain) {
  committed(run(store(), reserve("orders", kAda, now(), 0, 10)));
  tap_.forget();
  EXPECT_EQ(refused(run(store(), GiveBack{"orders", kAda, now() + 1, now(), 11, 4})).value, 10);
  EXPECT_EQ(refused(run(store(), GiveBack{"orders", kAda, now() + 1, 0, 10, 4})).value, 10);
  EXPECT_EQ(tap_.operations(), (Operations{"GetItem", "GetItem"}));
}

TEST_P(DynamodbSlotOps, GivesNothingBackWhenTheCounterMovesBetweenLookAndWrite) {
  committed(run(store(), reserve("orders", kAda, now(), 0, 10)));
  tap_.answer([&](const SentRequest& request) -> std::optional<TapReply> {
    if (request.operation == "UpdateItem") {
      server_.call(table_, "UpdateItem",
                   {{"Key", request.body.at("Key")},
                    {"UpdateExpression", "ADD current_value :n"},
                    {"ExpressionAttributeValues", {{":n", store::number(std::int64_t{3})}}}});
    }
    return std::nullopt;
  });
  EXPECT_EQ(refused(run(store(), GiveBack{"orders", kAda, now() + 1, now(), 10, 4})).value, 13);
  tap_.answer({});
  EXPECT_EQ(load().value, 13);
  EXPECT_EQ(load().slot, (Slot{now(), 10}));
}

TEST_P(DynamodbSlotOps, LowersNothingByACopyOfAGiveBack) {
  committed(run(store(), reserve("orders", kAda, now(), 0, 10)));
  const SentRequest copy = sent_by(GiveBack{"orders", kAda, now() + 1, now(), 10, 4}).at(1);
  committed(run(store(), reserve("orders", kBob, now(), 0, 6)));
  EXPECT_EQ(load().value, 10) << "the end that the copy expects";
  expect_refused(copy);
  committed(run(store(), contract::Release{"orders", kAda, now() + 2, now() + 1}));
  expect_refused(copy);
  EXPECT_EQ(load().value, 10);
}

TEST_P(DynamodbSlotOps, LowersNothingByACopyOfAGiveBackWithoutASlot) {
  committed(run(store(), reserve("orders", kBob, now(), 0, 10)));
  const SentRequest copy = sent_by(GiveBack{"orders", kAda, now() + 1, 0, 10, 4}).at(1);
  committed(run(store(), reserve("orders", kBob, now() + 1, now(), 6)));
  expect_refused(copy);
  prune();
  EXPECT_FALSE(load().slot);
  EXPECT_EQ(load().value, 10) << "the end that the copy expects";
  expect_refused(copy);
  committed(run(store(), contract::Release{"orders", 77, now(), 0}));
  EXPECT_EQ(load().floor, now()) << "above the copy";
  expect_refused(copy);
  EXPECT_EQ(load().value, 10);
}

TEST_P(DynamodbSlotOps, RaisesNothingByACopyOfAnAdvance) {
  committed(run(store(), reserve("orders", kAda, now(), 0, 10)));
  const SentRequest copy = sent_by(Advance{"orders", kAda, now() + 1, now(), 1, 50}).at(0);
  committed(run(store(), GiveBack{"orders", kAda, now() + 2, now() + 1, 50, 10}));
  expect_refused(copy);
  prune();
  expect_refused(copy);
  EXPECT_EQ(load().value, 10);
}

TEST_P(DynamodbSlotOps, ChangesNothingByACopyOfADefinition) {
  Definition second;
  second.revision = 2;
  const SentRequest copy = sent_by(Redefine{"orders", kAda, second}).at(0);
  EXPECT_EQ(copy.text("ReturnValues"), "ALL_NEW");
  expect_refused(copy);
  Definition third;
  third.revision = 3;
  found(run(store(), Redefine{"orders", kAda, third}));
  expect_refused(copy);
  EXPECT_EQ(load().definition, third);
}

TEST_P(DynamodbSlotOps, LearnsFromTheSlotWhatAWriteInDoubtDid) {
  committed(run(store(), reserve("orders", kAda, now(), 0, 10)));
  tap_.answer([&](const SentRequest& request) -> std::optional<TapReply> {
    if (request.operation != "UpdateItem") return std::nullopt;
    tap_.repeat(request);
    return DynamodbTap::error("InternalServerError", "", 500);
  });
  const Advance op{"orders", kAda, now() + 1, now(), 1, 50};
  EXPECT_EQ(describe(run(store(), op)), "InDoubt");
  Definition second;
  second.revision = 2;
  EXPECT_EQ(describe(run(store(), Redefine{"orders", kAda, second})), "InDoubt");
  tap_.answer({});
  EXPECT_EQ(refused(run(store(), op)).slot, (Slot{now() + 1, 10}));
  EXPECT_EQ(refused(run(store(), Redefine{"orders", kAda, second})).definition, second);
}

TEST_P(DynamodbSlotOps, GivesNothingBackWithoutAnAnswerToItsLook) {
  committed(run(store(), reserve("orders", kAda, now(), 0, 10)));
  const GiveBack op{"orders", kAda, now() + 1, now(), 10, 4};
  tap_.answer(
      [](const SentRequest&) { return DynamodbTap::error("InternalServerError", "", 500); });
  tap_.forget();
  EXPECT_EQ(describe(run(store(), op)), "NotApplied") << "a read leaves nothing in doubt";
  EXPECT_EQ(tap_.operations(), Operations{"GetItem"});
  tap_.answer({});
  EXPECT_EQ(committed(run(store(), op)), 4);
}

}  // namespace
}  // namespace nextid::test
