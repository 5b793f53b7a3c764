#include "http/codec/counter_json.h"

#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "contract/definition_fields.h"
#include "http/codec/digits.h"

namespace nextid::http {
namespace {

namespace json = boost::json;

json::string_view json_view(std::string_view text) noexcept { return {text.data(), text.size()}; }

json::value number(std::uint64_t value, IdFormat ids) {
  if (ids == IdFormat::kText) return json::string(json_view(Digits(value).view()));
  return value;
}

json::object counter_object(const CounterInfo& counter, IdFormat ids) {
  const Definition& definition = counter.definition;
  json::object object{
      {"name", json_view(counter.name)},
      {"value", counter.value ? number(*counter.value, ids) : json::value(nullptr)},
  };
  contract::for_each_field(
      [&](const contract::NumberField& field) {
        object[json_view(field.name)] =
            number(definition.*field.member, field.is_id ? ids : IdFormat::kNumber);
      },
      [&](const contract::TextField& field) {
        object[json_view(field.name)] = json_view(definition.*field.member);
      });
  return object;
}

}  // namespace

RangeJson::RangeJson(const IdRange& range, RangeFormat format) noexcept {
  const std::string_view quote = format.ids == IdFormat::kText ? "\"" : "";
  const Digits start(range.start());
  if (!format.range) {
    *this << "{\"id\":" << quote << start.view() << quote << "}";
    return;
  }
  *this << "{\"start\":" << quote << start.view() << quote << ",\"end\":" << quote
        << Digits(range.end()).view() << quote << ",\"count\":" << Digits(range.count()).view();
  if (range.increment() != 1) {
    *this << ",\"increment\":" << quote << Digits(range.increment()).view() << quote;
  }
  *this << "}";
}

std::string counter_json(const CounterInfo& counter, IdFormat ids) {
  return json::serialize(counter_object(counter, ids));
}

std::string page_json(const CounterPage& page, IdFormat ids) {
  json::array counters;
  for (const auto& counter : page.counters) counters.push_back(counter_object(counter, ids));
  const bool more = page.more && !page.counters.empty();
  return json::serialize(json::object{
      {"counters", std::move(counters)},
      {"next", more ? json::value(json_view(page.counters.back().name)) : nullptr},
  });
}

}  // namespace nextid::http
