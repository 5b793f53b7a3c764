#include "store/dynamodb_requests.h"

#include <algorithm>
#include <limits>

#include "base/checked.h"

namespace nextid::store {
namespace {

namespace json = boost::json;

json::object key_of(const std::string& counter) { return {{kKeyAttribute, text(counter)}}; }

}  // namespace

std::int64_t limit_of(const contract::Reserve& op) noexcept {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
  return std::min(op.limit, base::checked_sub<std::int64_t>(kMax, op.step).value_or(kMin));
}

json::object get_request(const std::string& counter) {
  return {{"Key", key_of(counter)}, {"ConsistentRead", true}};
}

json::object define_request(const contract::Define& op) {
  const Definition& definition = op.definition;
  json::object values{{":value", number(contract::value_before_first(definition))},
                      {":start", number(definition.start)},
                      {":increment", number(definition.increment)},
                      {":max", number(definition.max)},
                      {":cache", number(definition.cache)},
                      {":revision", number(definition.revision)}};
  std::string update =
      "SET current_value = :value, start_value = :start, #increment = :increment,"
      " max_value = :max, #cache = :cache, revision = :revision";
  json::object names{{"#increment", "increment"}, {"#cache", "cache"}};
  if (!definition.comment.empty()) {
    update += ", #comment = :comment";
    names["#comment"] = "comment";
    values[":comment"] = text(definition.comment);
  }
  return {{"Key", key_of(op.counter)},
          {"UpdateExpression", update},
          {"ConditionExpression", "attribute_not_exists(counter_id)"},
          {"ExpressionAttributeNames", std::move(names)},
          {"ExpressionAttributeValues", std::move(values)},
          {"ReturnValuesOnConditionCheckFailure", "ALL_OLD"}};
}

json::object reserve_request(const contract::Reserve& op, SlotForm form) {
  const std::string writer = writer_text(op.writer);
  json::object names{{"#s", seq_attribute(writer)}, {"#e", end_attribute(writer)}};
  json::object values{
      {":n", number(op.step)}, {":seq", number(op.seq)}, {":limit", number(limit_of(op))}};
  std::string rest = " AND current_value <= :limit AND ";
  if (op.revision == 0) {
    rest += "attribute_not_exists(revision)";
  } else {
    rest += "revision = :rev";
    values[":rev"] = number(op.revision);
  }
  std::string condition;
  if (form == SlotForm::kFollows) {
    condition = "#s = :prev" + rest;
    values[":prev"] = number(op.prev);
  } else {
    // Written out, and not as (no floor OR floor below): a parser may take long for parentheses.
    condition = "attribute_not_exists(#s) AND attribute_not_exists(#f)" + rest +
                " OR attribute_not_exists(#s) AND #f < :seq" + rest;
    names["#f"] = "floor";
  }
  return {{"Key", key_of(op.counter)},
          {"UpdateExpression",
           "SET current_value = current_value + :n, #e = current_value + :n, #s = :seq"},
          {"ConditionExpression", condition},
          {"ExpressionAttributeNames", std::move(names)},
          {"ExpressionAttributeValues", std::move(values)},
          {"ReturnValues", "UPDATED_NEW"},
          {"ReturnValuesOnConditionCheckFailure", "ALL_OLD"}};
}

json::object release_request(const contract::Release& op, contract::Seq floor) {
  const std::string writer = writer_text(op.writer);
  json::object values{{":f", number(floor)}};
  std::string slot = "attribute_not_exists(#s)";
  if (op.prev <= floor) {
    slot = "(#s = :prev OR " + slot + ")";
    values[":prev"] = number(op.prev);
  }
  return {{"Key", key_of(op.counter)},
          {"UpdateExpression", "SET #f = :f REMOVE #s, #e"},
          {"ConditionExpression", "attribute_exists(counter_id) AND " + slot +
                                      " AND (attribute_not_exists(#f) OR #f <= :f)"},
          {"ExpressionAttributeNames",
           {{"#s", seq_attribute(writer)}, {"#e", end_attribute(writer)}, {"#f", "floor"}}},
          {"ExpressionAttributeValues", std::move(values)},
          {"ReturnValues", "ALL_NEW"},
          {"ReturnValuesOnConditionCheckFailure", "ALL_OLD"}};
}

json::object prune_request(const std::string& counter, const std::vector<WriterSlot>& idle,
                           contract::Seq floor) {
  json::object names{{"#f", "floor"}};
  json::object values{{":f", number(floor)}};
  std::string removed;
  std::string condition = "(attribute_not_exists(#f) OR #f <= :f)";
  for (std::size_t i = 0; i < idle.size(); ++i) {
    const std::string n = std::to_string(i);
    names["#s" + n] = seq_attribute(idle[i].writer);
    names["#e" + n] = end_attribute(idle[i].writer);
    values[":s" + n] = number(idle[i].seq);
    removed.append(i == 0 ? "" : ", ").append("#s").append(n).append(", #e").append(n);
    condition.append(" AND #s").append(n).append(" = :s").append(n);
  }
  return {{"Key", key_of(counter)},
          {"UpdateExpression", "SET #f = :f REMOVE " + removed},
          {"ConditionExpression", condition},
          {"ExpressionAttributeNames", std::move(names)},
          {"ExpressionAttributeValues", std::move(values)},
          {"ReturnValues", "ALL_NEW"}};
}

json::object scan_request(const std::string& after) {
  json::object request{
      {"ConsistentRead", true},
      {"ProjectionExpression",
       "counter_id, current_value, start_value, #increment, max_value, #cache, #comment, revision"},
      {"ExpressionAttributeNames",
       {{"#increment", "increment"}, {"#cache", "cache"}, {"#comment", "comment"}}}};
  if (!after.empty()) {
    request["FilterExpression"] = "counter_id > :after";
    request["ExpressionAttributeValues"] = json::object{{":after", text(after)}};
  }
  return request;
}

}  // namespace nextid::store
