#include "store/dynamodb/records.h"

#include <optional>
#include <utility>

#include "nextid/error.h"

#include "base/cat.h"
#include "contract/op_check.h"
#include "store/dynamodb/item.h"
#include "store/dynamodb/outcomes.h"

namespace nextid::store {
namespace {

using base::cat;

namespace json = boost::json;
using aws::DynamodbReply;
using contract::Damaged;
using contract::IdempotencyRecord;
using contract::NotApplied;
using contract::Outcome;
using contract::Remembered;
using Kind = DynamodbReply::Kind;

/// Names of counters and scopes have no "/", so no two records share one.
template <typename Op>
std::string id_of(const Op& op) {
  return contract::key_space(op.counter, op.scope).append("/").append(op.key);
}

json::object get_request(const std::string& id) {
  return {{"Key", {{kRecordKeyAttribute, text(id)}}}, {"ConsistentRead", true}};
}

/// The request carries the time that it was sent at. So a late copy of it replaces no record that
/// was in force then or came later; and if it finds none, the record that it leaves has expired for
/// every reader.
json::object put_request(const std::string& id, const IdempotencyRecord& record,
                         base::WallMicros now) {
  return {{"Item",
           {{kRecordKeyAttribute, text(id)},
            {"first_id", number(record.range.start())},
            {"id_count", number(record.range.count())},
            {"increment", number(record.range.increment())},
            {"owner", number(record.owner)},
            {kExpiryAttribute, number(record.expires_s)}}},
          {"ConditionExpression", "attribute_not_exists(record_id) OR expires_at <= :now"},
          {"ExpressionAttributeValues", {{":now", number(contract::whole_seconds(now))}}},
          {"ReturnValuesOnConditionCheckFailure", "ALL_OLD"}};
}

/// Nothing for an expired record, whatever else it says. kCorrupt says which attribute no record
/// can have.
Result<std::optional<IdempotencyRecord>> parse_record(const json::object& item,
                                                      base::WallMicros now) {
  IdempotencyRecord record;
  const auto expires = integer_of(item, kExpiryAttribute);
  if (!expires) return expires.error();
  record.expires_s = *expires;
  if (contract::is_over(record, now)) return std::nullopt;
  const auto first = unsigned_of(item, "first_id");
  if (!first) return first.error();
  const auto count = unsigned_of(item, "id_count");
  if (!count) return count.error();
  const auto increment = unsigned_of(item, "increment");
  if (!increment) return increment.error();
  const auto owner = unsigned_of(item, "owner");
  if (!owner) return owner.error();
  record.range = IdRange(*first, *count, *increment);
  record.owner = *owner;
  if (contract::has_ids(record)) return record;
  return Error(ErrorCode::kCorrupt, cat("its attributes first_id ", *first, ", id_count ", *count,
                                        " and increment ", *increment, " in DynamoDB are no ids"));
}

}  // namespace

DynamodbRecords::DynamodbRecords(std::shared_ptr<aws::DynamodbClient> client,
                                 const DynamodbSettings& settings, Log log, WallClock wall_clock)
    : client_(std::move(client)),
      attempt_timeout_(settings.attempt_timeout),
      wall_clock_(std::move(wall_clock)),
      table_(std::make_shared<DynamodbRecordsTable>(client_, settings.create, std::move(log))) {}

void DynamodbRecords::recall(contract::Recall op, Done done) { read(id_of(op), std::move(done)); }

void DynamodbRecords::remember(contract::Remember op, Done done) {
  const base::WallMicros now = wall_clock_();
  // The op would keep nothing.
  if (contract::is_over(op.record, now)) {
    return recall({op.counter, op.key, op.scope}, std::move(done));
  }
  std::string id = id_of(op);
  json::object request = put_request(id, op.record, now);
  ++writes_;
  call("PutItem", std::move(request),
       [self = shared_from_this(), id = std::move(id), record = op.record,
        done = std::move(done)](DynamodbReply reply) mutable {
         if (reply.kind == Kind::kDone) return done(Remembered{record});
         if (reply.kind != Kind::kConditionFailed) {
           return done(self->failed(reply, outcome_of_failed_write(reply)));
         }
         auto answer = [id, done = std::move(done)](Outcome found) {
           const auto* remembered = std::get_if<Remembered>(&found);
           if (remembered == nullptr || remembered->record) return done(std::move(found));
           done(NotApplied{cat("the idempotency record '", id, "' ended at this moment")});
         };
         const json::object* item = part_of(reply.body, "Item");
         if (item != nullptr) return answer(self->in_force(id, item));
         self->read(id, std::move(answer));
       });
}

void DynamodbRecords::call(const char* operation, json::object request,
                           std::function<void(DynamodbReply)> done) {
  request["TableName"] = table_->name();
  client_->call(operation, std::move(request), attempt_timeout_,
                [self = shared_from_this(), done = std::move(done)](DynamodbReply reply) {
                  if (reply.kind == Kind::kDone) self->table_->answered();
                  done(std::move(reply));
                });
}

/// Reads the record `id` as it is now.
void DynamodbRecords::read(const std::string& id, std::function<void(Outcome)> then) {
  call("GetItem", get_request(id),
       [self = shared_from_this(), id, then = std::move(then)](const DynamodbReply& reply) {
         if (reply.kind == Kind::kDone) {
           return then(self->in_force(id, part_of(reply.body, "Item")));
         }
         then(self->failed(reply, outcome_of_failed_read(reply)));
       });
}

Outcome DynamodbRecords::in_force(const std::string& id, const json::object* item) const {
  if (item == nullptr) return Remembered{};
  auto record = parse_record(*item, wall_clock_());
  if (record) return Remembered{*record};
  return Damaged{cat("the idempotency record '", id, "' of table '", table_->name(),
                     "' is damaged: ", record.error().what())};
}

Outcome DynamodbRecords::failed(const DynamodbReply& reply, Outcome otherwise) {
  if (reply.kind != Kind::kTableMissing) return otherwise;
  return NotApplied{table_->missing(reply.why)};
}

}  // namespace nextid::store
