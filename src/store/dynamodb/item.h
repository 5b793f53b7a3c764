// A counter as an item of the table: its attributes, read and written.
//
//   counter_id     S  the name; partition key
//   current_value  N  the last id reserved
//   start_value, increment, max_value, cache  N,  comment  S
//   revision       N  absent in an item that another program made with ADD current_value :n
//                  these are the fields of contract/definition_fields.h; a missing one means the
//                  default. The revision of a deleted counter is below zero
//                  (contract/stored_definition.h)
//   floor          N  no op whose writer has no slot is applied unless its seq is above it
//   s:WRITER, e:WRITER  N  a writer's slot: its last seq, and the value that op led to
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "nextid/error.h"

#include "base/clock.h"
#include "contract/counter_state.h"

namespace nextid::store {

inline constexpr const char* kKeyAttribute = "counter_id";

/// Another writer's slot, or the asking one's.
struct WriterSlot {
  std::string writer;  ///< As in the attributes' names: 16 hexadecimal digits.
  contract::Seq seq = 0;
};

/// The attribute of a definition's field: its name, but for the two that had another one first.
std::string attribute_of(std::string_view field);

std::string writer_text(contract::WriterId writer);
std::string seq_attribute(const std::string& writer);
std::string end_attribute(const std::string& writer);

/// {"N":"5"} and {"S":"text"}
boost::json::object number(std::int64_t value);
boost::json::object number(std::uint64_t value);
boost::json::object text(const std::string& value);

/// The name of the counter that an item is.
std::string key_of_item(const boost::json::object& item);

/// The counter as `writer` sees it. kCorrupt says which attribute no counter can have. An item
/// without a revision has the default definition, with revision 0.
Result<contract::CounterState> parse_item(const boost::json::object& item,
                                          contract::WriterId writer);

/// The integer of a number attribute. kCorrupt says what is there instead.
Result<std::int64_t> integer_of(const boost::json::object& item, const std::string& attribute);
/// The same for one of all 64 bits.
Result<std::uint64_t> unsigned_of(const boost::json::object& item, const std::string& attribute);

/// All slots of the item. Attributes that are no slots of ours are passed over.
std::vector<WriterSlot> slots_of(const boost::json::object& item);

/// At most `most` of them that may be pruned at `now`; never that of the asking writer.
std::vector<WriterSlot> idle_slots(const boost::json::object& item, contract::WriterId asking,
                                   base::WallMicros now, std::size_t most);

/// The highest seq of these slots; 0 when there are none.
contract::Seq newest_of(const std::vector<WriterSlot>& slots);

}  // namespace nextid::store
