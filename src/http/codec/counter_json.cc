#include "http/codec/counter_json.h"

#include <algorithm>

#include <boost/json/serialize.hpp>
#include <boost/json/string_view.hpp>

#include "contract/definition_fields.h"
#include "http/codec/digits.h"

namespace nextid::http {
namespace {

namespace json = boost::json;

json::string_view json_view(std::string_view text) noexcept { return {text.data(), text.size()}; }

/// Names and most comments need no escapes.
bool is_plain(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
}

void append_text(std::string& out, std::string_view text) {
  if (!is_plain(text)) {
    out.append(json::serialize(json_view(text)));
    return;
  }
  out.append("\"").append(text).append("\"");
}

void append_number(std::string& out, std::uint64_t number, IdFormat ids) {
  const std::string_view quote = ids == IdFormat::kText ? "\"" : "";
  out.append(quote).append(Digits(number).view()).append(quote);
}

void append_counter(std::string& out, const CounterInfo& counter, IdFormat ids) {
  const Definition& definition = counter.definition;
  out.append("{\"name\":");
  append_text(out, counter.name);
  out.append(",\"value\":");
  counter.value ? append_number(out, *counter.value, ids) : void(out.append("null"));
  const auto append_name = [&](std::string_view name) {
    out.append(",\"").append(name).append("\":");
  };
  contract::for_each_field(
      [&](const contract::NumberField& field) {
        append_name(field.name);
        append_number(out, definition.*field.member, field.is_id ? ids : IdFormat::kNumber);
      },
      [&](const contract::TextField& field) {
        append_name(field.name);
        append_text(out, definition.*field.member);
      });
  if (counter.deleted) out.append(",\"deleted\":true");
  out.append("}");
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
  std::string out;
  append_counter(out, counter, ids);
  return out;
}

std::string page_json(const CounterPage& page, IdFormat ids) {
  constexpr std::size_t kUsualBytes = 256;
  std::string out;
  out.reserve((page.counters.size() + 1) * kUsualBytes);
  out.append("{\"counters\":[");
  for (const auto& counter : page.counters) {
    if (&counter != &page.counters.front()) out.append(",");
    append_counter(out, counter, ids);
  }
  out.append("],\"next\":");
  const bool more = page.more && !page.counters.empty();
  more ? append_text(out, page.counters.back().name) : void(out.append("null"));
  out.append("}");
  return out;
}

}  // namespace nextid::http
