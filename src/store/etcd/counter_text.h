// A counter as the value of its key: a JSON object with its value, its floor and the fields of its
// definition, all as text, so that no JSON program rounds a number above 2^53:
//
//   {"value":"41","floor":"0","start":"1","increment":"1","max":"9223372036854775807",…}
//
// The revision of a deleted counter is below zero (stored_definition.h). Members that nextid does
// not know are refused: it would lose them with its next write.
#pragma once

#include <string>

#include "nextid/error.h"

#include "contract/counter_state.h"

namespace nextid::store {

/// Of the counter without its slot.
std::string counter_text(const contract::CounterState& state);

/// A counter without a slot. Numbers may be numbers, too, as another program may have written them.
/// kCorrupt is a clause, such as "its value is 'x'".
Result<contract::CounterState> parse_counter(const std::string& text);

/// "seq,end"
std::string slot_text(const contract::Slot& slot);
Result<contract::Slot> parse_slot(const std::string& text);

}  // namespace nextid::store
