#include "store/dynamodb/outcomes.h"

#include "base/cat.h"
#include "store/dynamodb/item.h"

namespace nextid::store {

using base::cat;

namespace json = boost::json;
using contract::Outcome;
using Kind = aws::DynamodbReply::Kind;

Outcome outcome_of_failed_write(const aws::DynamodbReply& reply) {
  if (reply.kind == Kind::kInDoubt) return contract::InDoubt{reply.why};
  return outcome_of_failed_read(reply);
}

Outcome outcome_of_failed_read(const aws::DynamodbReply& reply) {
  return contract::NotApplied{reply.why, reply.kind == Kind::kThrottled};
}

Outcome committed_at(const json::object& answer, const std::string& attribute) {
  const json::object* attributes = part_of(answer, "Attributes");
  const auto end = integer_of(attributes != nullptr ? *attributes : json::object(), attribute);
  if (end) return contract::Committed{*end};
  return contract::InDoubt{cat("a write was answered without its outcome: ", end.error().what())};
}

const json::object* part_of(const json::object& answer, const char* name) {
  const json::value* value = answer.if_contains(name);
  return value != nullptr ? value->if_object() : nullptr;
}

}  // namespace nextid::store
