#include "store/dynamodb/item.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <limits>
#include <optional>
#include <string_view>

#include "base/cat.h"
#include "base/quoting.h"
#include "contract/definition_fields.h"
#include "contract/stored_definition.h"
#include "contract/transition.h"

namespace nextid::store {
namespace {

using base::cat;

namespace json = boost::json;
using contract::CounterState;

constexpr std::string_view kSeqPrefix = "s:";
constexpr std::size_t kWriterDigits = 16;

Error damaged(const std::string& attribute, const std::string& what) {
  return Error(ErrorCode::kCorrupt, cat("its attribute ", attribute, " in DynamoDB is ", what));
}

const json::string* member(const json::object& item, const std::string& attribute,
                           const char* type) {
  const json::value* value = item.if_contains(attribute);
  if (value == nullptr || !value->is_object()) return nullptr;
  const json::value* typed = value->get_object().if_contains(type);
  return typed != nullptr ? typed->if_string() : nullptr;
}

template <typename T>
Result<T> parse_number(const json::object& item, const std::string& attribute) {
  const json::string* text = member(item, attribute, "N");
  if (text == nullptr) {
    return damaged(attribute, item.contains(attribute) ? "no number" : "missing");
  }
  T value = 0;
  const char* end = text->data() + text->size();
  const auto parsed = std::from_chars(text->data(), end, value);
  if (parsed.ec != std::errc{} || parsed.ptr != end) {
    return damaged(attribute, cat(base::in_quotes(*text), ", which is no integer below 2^",
                                  std::numeric_limits<T>::digits));
  }
  return value;
}

/// Sets `field` from an attribute that may be absent and is at least `least`.
Result<void> read_optional(const json::object& item, const std::string& attribute,
                           std::int64_t least, std::uint64_t& field) {
  if (!item.contains(attribute)) return {};
  const auto value = integer_of(item, attribute);
  if (!value) return value.error();
  if (*value < least) return damaged(attribute, std::to_string(*value));
  field = static_cast<std::uint64_t>(*value);
  return {};
}

/// Sets the definition, and whether the counter is deleted.
Result<void> parse_definition(const json::object& item, CounterState& state) {
  Definition& definition = state.definition;
  definition.revision = 0;  // Where there is none, another program made the item.
  for (const auto& field : contract::kNumberFields) {
    const std::string attribute = attribute_of(field.name);
    if (!item.contains(attribute)) continue;
    const auto stored = integer_of(item, attribute);
    if (!stored) return stored.error();
    if (!contract::take_stored_number(field, *stored, definition, state.deleted)) {
      return damaged(attribute, std::to_string(*stored));
    }
  }
  for (const auto& field : contract::kTextFields) {
    if (const json::string* text = member(item, attribute_of(field.name), "S")) {
      definition.*field.member = *text;
    }
  }
  return {};
}

Result<std::optional<contract::Slot>> parse_slot(const json::object& item,
                                                 contract::WriterId writer) {
  const std::string name = writer_text(writer);
  if (writer == 0 || !item.contains(seq_attribute(name))) return std::nullopt;
  contract::Slot slot;
  if (auto read = read_optional(item, seq_attribute(name), 0, slot.seq); !read) {
    return read.error();
  }
  const auto end = integer_of(item, end_attribute(name));
  if (!end) return end.error();
  slot.end = *end;
  return slot;
}

}  // namespace

std::string attribute_of(std::string_view field) {
  if (field == "start") return "start_value";
  if (field == "max") return "max_value";
  return std::string(field);
}

std::string writer_text(contract::WriterId writer) {
  char digits[kWriterDigits + 1];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(writer));
  return digits;
}

std::string seq_attribute(const std::string& writer) {
  return std::string(kSeqPrefix).append(writer);
}

std::string end_attribute(const std::string& writer) { return std::string("e:").append(writer); }

json::object number(std::int64_t value) { return {{"N", std::to_string(value)}}; }
json::object number(std::uint64_t value) { return {{"N", std::to_string(value)}}; }
json::object text(const std::string& value) { return {{"S", value}}; }

std::string key_of_item(const json::object& item) {
  const json::string* name = member(item, kKeyAttribute, "S");
  return name == nullptr ? "" : std::string(*name);
}

Result<std::int64_t> integer_of(const json::object& item, const std::string& attribute) {
  return parse_number<std::int64_t>(item, attribute);
}

Result<std::uint64_t> unsigned_of(const json::object& item, const std::string& attribute) {
  return parse_number<std::uint64_t>(item, attribute);
}

Result<CounterState> parse_item(const json::object& item, contract::WriterId writer) {
  CounterState state;
  if (auto read = parse_definition(item, state); !read) return read.error();
  const auto value = integer_of(item, "current_value");
  if (!value) return value.error();
  const std::int64_t least = contract::value_before_first(state.definition);
  if (*value < least) {
    return damaged("current_value", cat(*value, ", below its start less its increment, ", least));
  }
  state.value = *value;
  if (auto read = read_optional(item, "floor", 0, state.floor); !read) return read.error();
  auto slot = parse_slot(item, writer);
  if (!slot) return slot.error();
  state.slot = *slot;
  return state;
}

std::vector<WriterSlot> slots_of(const json::object& item) {
  std::vector<WriterSlot> slots;
  for (const auto& [key, value] : item) {
    const std::string_view name(key.data(), key.size());
    if (!name.starts_with(kSeqPrefix) || name.size() != kSeqPrefix.size() + kWriterDigits) continue;
    const auto seq = integer_of(item, std::string(name));
    if (!seq || *seq < 0) continue;
    slots.push_back(
        {std::string(name.substr(kSeqPrefix.size())), static_cast<contract::Seq>(*seq)});
  }
  return slots;
}

std::vector<WriterSlot> idle_slots(const json::object& item, contract::WriterId asking,
                                   base::WallMicros now, std::size_t most) {
  const contract::Seq oldest_kept = contract::pruned_below(now);
  const std::string own = writer_text(asking);
  std::vector<WriterSlot> idle;
  for (WriterSlot& slot : slots_of(item)) {
    if (slot.seq >= oldest_kept || slot.writer == own) continue;
    idle.push_back(std::move(slot));
    if (idle.size() == most) break;
  }
  return idle;
}

contract::Seq newest_of(const std::vector<WriterSlot>& slots) {
  contract::Seq newest = 0;
  for (const WriterSlot& slot : slots) newest = std::max(newest, slot.seq);
  return newest;
}

}  // namespace nextid::store
