#include "store/etcd/counter_text.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/cat.h"
#include "base/quoting.h"
#include "contract/definition_fields.h"
#include "contract/stored_definition.h"

namespace nextid::store {
namespace {

using base::cat;

namespace json = boost::json;
using contract::CounterState;
using contract::Slot;

constexpr std::string_view kValue = "value";
constexpr std::string_view kFloor = "floor";

Error damaged(const std::string& what) { return Error(ErrorCode::kCorrupt, what); }

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
  return whole ? std::optional(number) : std::nullopt;
}

Result<std::int64_t> integer_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr) return damaged(cat("its ", name, " is missing"));
  if (value->is_int64()) return value->get_int64();
  std::optional<std::int64_t> number;
  if (const json::string* text = value->if_string()) number = parse_integer(*text);
  if (number) return *number;
  return damaged(cat("its ", name, " is ", base::in_quotes(json::serialize(*value))));
}

Result<void> parse_definition(const json::object& object, CounterState& state) {
  for (const auto& field : contract::kNumberFields) {
    const auto stored = integer_of(object, field.name);
    if (!stored) return stored.error();
    if (!contract::take_stored_number(field, *stored, state.definition, state.deleted)) {
      return damaged(cat("its ", field.name, " is ", *stored));
    }
  }
  for (const auto& field : contract::kTextFields) {
    const json::value* value = object.if_contains(field.name);
    if (value == nullptr || !value->is_string()) {
      return damaged(cat("its ", field.name, " is no text"));
    }
    state.definition.*field.member = value->get_string();
  }
  return {};
}

bool is_known(std::string_view name) {
  return name == kValue || name == kFloor ||
         std::any_of(contract::kDefinitionFields.begin(), contract::kDefinitionFields.end(),
                     [&](const auto& field) { return contract::name_of(field) == name; });
}

}  // namespace

std::string counter_text(const CounterState& state) {
  std::string text =
      cat("{\"", kValue, "\":\"", state.value, "\",\"", kFloor, "\":\"", state.floor, "\"");
  contract::for_each_field(
      [&](const contract::NumberField& field) {
        const auto number = contract::stored_number(field, state.definition, state.deleted);
        text += cat(",\"", field.name, "\":\"", number, "\"");
      },
      [&](const contract::TextField& field) {
        const json::value value(state.definition.*field.member);
        text += cat(",\"", field.name, "\":", json::serialize(value));
      });
  return text + "}";
}

Result<CounterState> parse_counter(const std::string& text) {
  boost::system::error_code error;
  const json::value parsed = json::parse(text, error);
  const json::object* object = error ? nullptr : parsed.if_object();
  if (object == nullptr)
    return damaged(cat("it is ", base::in_quotes(text, 60), ", no JSON object"));
  for (const auto& member : *object) {
    if (!is_known(member.key())) {
      return damaged(cat("it has the member ", base::in_quotes(member.key())));
    }
  }
  CounterState state;
  if (auto definition = parse_definition(*object, state); !definition) return definition.error();
  const auto value = integer_of(*object, kValue);
  const auto floor = integer_of(*object, kFloor);
  if (!value || !floor) return value ? floor.error() : value.error();
  const std::int64_t least = contract::value_before_first(state.definition);
  if (*value < least) {
    return damaged(cat("its value is ", *value, ", below its start less its increment, ", least));
  }
  if (*floor < 0) return damaged(cat("its floor is ", *floor));
  state.value = *value;
  state.floor = static_cast<contract::Seq>(*floor);
  return state;
}

std::string slot_text(const Slot& slot) { return cat(slot.seq, ",", slot.end); }

Result<Slot> parse_slot(const std::string& text) {
  const std::size_t comma = std::min(text.find(','), text.size());
  const auto seq = parse_integer(std::string_view(text).substr(0, comma));
  const auto end = parse_integer(std::string_view(text).substr(std::min(comma + 1, text.size())));
  if (!seq || *seq < 0 || !end) return damaged(cat("a slot of it is ", base::in_quotes(text)));
  return Slot{static_cast<contract::Seq>(*seq), *end};
}

}  // namespace nextid::store
