// What DynamoDB's answers mean as outcomes of ops.
#pragma once

#include <string>

#include <boost/json/object.hpp>

#include "aws/dynamodb_reply.h"
#include "contract/op.h"

namespace nextid::store {

/// What a write that was neither done nor refused by its condition means for its op.
contract::Outcome outcome_of_failed_write(const aws::DynamodbReply& reply);

/// The same for a read, which changes nothing.
contract::Outcome outcome_of_failed_read(const aws::DynamodbReply& reply);

/// The number `attribute` in what a write answered, as the end that it committed. InDoubt without
/// it: a repeat will tell the write's fate.
contract::Outcome committed_at(const boost::json::object& answer, const std::string& attribute);

/// A part of an answer, such as its "Item" or "Attributes"; nullptr when it has none.
const boost::json::object* part_of(const boost::json::object& answer, const char* name);

}  // namespace nextid::store
