#include "store/dynamodb/requests.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

#include "base/cat.h"
#include "base/checked.h"
#include "contract/definition_fields.h"
#include "contract/stored_definition.h"

namespace nextid::store {
namespace {

using base::cat;

namespace json = boost::json;

json::object key_of(const std::string& counter) { return {{kKeyAttribute, text(counter)}}; }

/// The expressions of an UpdateItem, and what stands in them.
struct Write {
  std::string update;
  std::string condition;
  json::object names;
  json::object values;
};

json::object update_request(const std::string& counter, Write write, const char* answers) {
  return {{"Key", key_of(counter)},
          {"UpdateExpression", std::move(write.update)},
          {"ConditionExpression", std::move(write.condition)},
          {"ExpressionAttributeNames", std::move(write.names)},
          {"ExpressionAttributeValues", std::move(write.values)},
          {"ReturnValues", answers},
          {"ReturnValuesOnConditionCheckFailure", "ALL_OLD"}};
}

/// What stands for the attribute of a definition's field: some of them are words that DynamoDB
/// keeps for itself.
std::string placeholder(std::string_view field) { return std::string("#").append(field); }
/// What stands for its value.
std::string value_of(std::string_view field) { return std::string(":").append(field); }

/// What the placeholders of all fields stand for.
json::object field_names() {
  json::object names;
  for (const auto& field : contract::kDefinitionFields) {
    const auto name = contract::name_of(field);
    names[placeholder(name)] = attribute_of(name);
  }
  return names;
}

/// Sets all of a definition in `write`, which ends where an assignment may follow. Text that is
/// empty is no attribute.
void set_definition(const Definition& definition, bool deleted, Write& write) {
  std::string assigned;
  std::string removed;
  const auto assign = [&](std::string_view field, json::object value) {
    assigned.append(assigned.empty() ? "" : ", ");
    assigned.append(placeholder(field)).append(" = ").append(value_of(field));
    write.values[value_of(field)] = std::move(value);
  };
  for (const auto& field : contract::kNumberFields) {
    assign(field.name, number(contract::stored_number(field, definition, deleted)));
  }
  for (const auto& field : contract::kTextFields) {
    const std::string& value = definition.*field.member;
    if (!value.empty()) {
      assign(field.name, text(value));
    } else {
      removed.append(removed.empty() ? " REMOVE " : ", ").append(placeholder(field.name));
    }
  }
  write.update += assigned + removed;
  write.names = field_names();
}

/// The condition that the item has this revision, and so is not deleted; 0 stands for none.
std::string has_revision(std::uint64_t revision, json::object& values) {
  if (revision == 0) return "attribute_not_exists(revision)";
  values[":rev"] = number(revision);
  return "revision = :rev";
}

/// The same, whether or not the counter is deleted.
std::string had_revision(std::uint64_t revision, json::object& values) {
  if (revision == 0) return has_revision(revision, values);  // No deletion left it.
  values[":rev"] = number(revision);
  values[":deleted"] = number(-static_cast<std::int64_t>(revision));
  return "revision IN (:rev, :deleted)";
}

/// The condition that a field has the value which set_definition() would write; a missing attribute
/// means the default.
std::string is_as_in(const Definition& wanted, const contract::NumberField& field) {
  const std::string attribute = placeholder(field.name);
  const std::string same = attribute + " = " + value_of(field.name);
  if (wanted.*field.member != Definition().*field.member) return same;
  return "(" + same + " OR attribute_not_exists(" + attribute + "))";
}

/// Adds to `write`, which sets the value, what makes it exactly-once: the condition on the writer's
/// slot, and the new one.
template <typename SlotOp>
json::object in_turn(const SlotOp& op, SlotForm form, Write write) {
  const std::string writer = writer_text(op.writer);
  write.names["#s"] = seq_attribute(writer);
  write.names["#e"] = end_attribute(writer);
  write.values[":seq"] = number(op.seq);
  write.update += ", #s = :seq";
  const std::string rest = " AND " + write.condition;
  if (form == SlotForm::kFollows) {
    write.condition = "#s = :prev" + rest;
    write.values[":prev"] = number(op.prev);
  } else {
    // Written out, and not as (no floor OR floor below): a parser may take long for parentheses.
    write.condition = cat("attribute_not_exists(#s) AND attribute_not_exists(#f)", rest,
                          " OR attribute_not_exists(#s) AND #f < :seq", rest);
    write.names["#f"] = "floor";
  }
  return update_request(op.counter, std::move(write), "UPDATED_NEW");
}

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
  Write write;
  write.update = "SET current_value = :value, ";
  write.values[":value"] = number(contract::value_before_first(op.definition));
  set_definition(op.definition, false, write);
  write.condition = "attribute_not_exists(counter_id)";
  return update_request(op.counter, std::move(write), "NONE");
}

json::object redefine_request(const contract::Redefine& op) {
  const Definition& definition = op.definition;
  Write write;
  write.update = op.raise ? "SET current_value = :to, " : "SET ";
  set_definition(definition, op.deletes, write);
  write.condition = had_revision(definition.revision - 1, write.values);
  if (op.raise) {
    write.condition += " AND current_value = :from";
    write.values[":from"] = number(op.raise->from);
    write.values[":to"] = number(op.raise->to);
  } else if (!op.deletes) {
    write.condition += " AND current_value <= :max";
  }
  for (const auto& field : contract::kNumberFields) {
    if (field.never_changes()) write.condition += " AND " + is_as_in(definition, field);
  }
  return update_request(op.counter, std::move(write), "ALL_NEW");
}

json::object slot_request(const contract::Reserve& op, SlotForm form) {
  Write write;
  write.update = "SET current_value = current_value + :n, #e = current_value + :n";
  write.values = {{":n", number(op.step)}, {":limit", number(limit_of(op))}};
  write.condition = "current_value <= :limit AND " + has_revision(op.revision, write.values);
  return in_turn(op, form, std::move(write));
}

json::object slot_request(const contract::GiveBack& op, SlotForm form) {
  Write write;
  write.update = "SET current_value = :new_end, #e = :new_end";
  write.values = {{":end", number(op.end)}, {":new_end", number(op.new_end)}};
  write.condition = "current_value = :end";
  return in_turn(op, form, std::move(write));
}

json::object slot_request(const contract::Advance& op, SlotForm form) {
  Write write;
  // The slot gets the value before: right-hand sides read the item as it was.
  write.update = "SET current_value = :to, #e = current_value";
  write.values = {{":to", number(op.to)}};
  write.condition = "current_value < :to AND " + has_revision(op.revision, write.values);
  return in_turn(op, form, std::move(write));
}

json::object release_request(const contract::Release& op, contract::Seq floor) {
  const std::string writer = writer_text(op.writer);
  Write write;
  write.update = "SET #f = :f REMOVE #s, #e";
  write.names = {{"#s", seq_attribute(writer)}, {"#e", end_attribute(writer)}, {"#f", "floor"}};
  write.values = {{":f", number(floor)}};
  std::string slot = "attribute_not_exists(#s)";
  if (op.prev <= floor) {
    slot = cat("(#s = :prev OR ", slot, ")");
    write.values[":prev"] = number(op.prev);
  }
  write.condition =
      cat("attribute_exists(counter_id) AND ", slot, " AND (attribute_not_exists(#f) OR #f <= :f)");
  return update_request(op.counter, std::move(write), "ALL_NEW");
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

json::object refused_request() {
  // No counter has this name.
  return {
      {"Key", key_of("-")},
      {"UpdateExpression", "SET current_value = :zero"},
      {"ConditionExpression", "attribute_exists(counter_id) AND attribute_not_exists(counter_id)"},
      {"ExpressionAttributeValues", {{":zero", number(std::int64_t{0})}}}};
}

json::object scan_request(const std::string& after) {
  std::string attributes = "counter_id, current_value";
  for (const auto& field : contract::kDefinitionFields) {
    attributes.append(", ").append(placeholder(contract::name_of(field)));
  }
  json::object request{{"ConsistentRead", true},
                       {"ProjectionExpression", std::move(attributes)},
                       {"ExpressionAttributeNames", field_names()}};
  if (!after.empty()) {
    request["FilterExpression"] = "counter_id > :after";
    request["ExpressionAttributeValues"] = json::object{{":after", text(after)}};
  }
  return request;
}

}  // namespace nextid::store
