// The requests of the slot protocol, as DynamoDB's expressions. Nothing here sends anything.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html
//
// Each write is one UpdateItem of one item, so it is atomic; the right-hand sides of a SET read the
// item as it was before the update.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "contract/op.h"
#include "store/dynamodb/item.h"

namespace nextid::store {

/// The highest value from which `op` may step: its limit, lowered so that no value passes 2^63 - 1,
/// since DynamoDB's numbers do not end there.
std::int64_t limit_of(const contract::Reserve& op) noexcept;

/// A strongly consistent GetItem of the whole item.
boost::json::object get_request(const std::string& counter);

/// UpdateItem that makes the item if there is none.
boost::json::object define_request(const contract::Define& op);

/// UpdateItem that changes the definition, if the item has the revision before it, the same start
/// and increment, and, unless the counter is deleted by it, a value that is no higher than the new
/// max. Answers the whole new item.
boost::json::object redefine_request(const contract::Redefine& op);

/// The two ways in which an op can be in turn. Each form asks for one of them, so that a writer
/// with a slot sends the shorter condition; both write op.seq into the slot, so at most one copy of
/// either is ever applied.
enum class SlotForm {
  kFollows,  ///< The writer's slot is at op.prev.
  kNew,      ///< The writer has no slot, and the floor, if there is one, is below op.seq.
};

/// UpdateItem that sets the value and the writer's slot together, if op is in turn by `form` and
/// its other conditions hold. Answers what it set, with the op's outcome in the slot; the old item
/// when the condition fails, where the service can.
boost::json::object slot_request(const contract::Reserve& op, SlotForm form);
boost::json::object slot_request(const contract::GiveBack& op, SlotForm form);
boost::json::object slot_request(const contract::Advance& op, SlotForm form);

/// UpdateItem that removes the writer's slot, if it is at op.prev and that is not above `floor`, or
/// there is none, and raises the floor to `floor`, unless the floor is above that. Answers the
/// whole new item.
boost::json::object release_request(const contract::Release& op, contract::Seq floor);

/// UpdateItem that removes these slots, if each is still at its seq, and raises the floor as
/// release_request() does. Answers the whole new item.
boost::json::object prune_request(const std::string& counter, const std::vector<WriterSlot>& idle,
                                  contract::Seq floor);

/// UpdateItem whose condition can't hold, of an item that there is not: changes nothing, for one
/// write unit.
boost::json::object refused_request();

/// One page of a Scan over the counters, without their slots.
boost::json::object scan_request(const std::string& after);

}  // namespace nextid::store
