#include "store/etcd/txn.h"

#include <charconv>
#include <optional>
#include <utility>

#include <boost/json/array.hpp>

#include "base/cat.h"
#include "store/etcd/base64.h"

namespace nextid::store {
namespace {

using base::cat;

namespace json = boost::json;

Error no_answer(const std::string& what) {
  return Error(ErrorCode::kUnavailable, cat("something that is not etcd answered: ", what));
}

void append(std::string& list, const std::string& element) {
  list.append(list.empty() ? "" : ",").append(element);
}

std::string encoded(std::string_view bytes) { return cat("\"", to_base64(bytes), "\""); }

std::string range_fields(const KeyRange& range, std::size_t limit, bool keys_only) {
  return cat("\"key\":", encoded(range.begin), ",\"range_end\":", encoded(range.end),
             ",\"limit\":\"", limit, "\"", keys_only ? ",\"keys_only\":true" : "");
}

std::string get_request(std::string_view key) {
  return cat("{\"request_range\":{\"key\":", encoded(key), "}}");
}

std::string get_request(const KeyRange& range, std::size_t limit, bool keys_only) {
  return cat("{\"request_range\":{", range_fields(range, limit, keys_only), "}}");
}

template <typename Number>
std::optional<Number> parse_number(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  const json::string* text = value != nullptr ? value->if_string() : nullptr;
  if (text == nullptr) return std::nullopt;
  Number number = 0;
  const auto parsed = std::from_chars(text->data(), text->data() + text->size(), number);
  const bool whole = parsed.ec == std::errc{} && parsed.ptr == text->data() + text->size();
  return whole ? std::optional(number) : std::nullopt;
}

std::optional<std::string> parse_bytes(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr) return "";  // The gateway leaves out what is empty.
  const json::string* text = value->if_string();
  return text != nullptr ? from_base64(*text) : std::nullopt;
}

Result<EtcdEntry> parse_entry(const json::value& value) {
  const json::object* object = value.if_object();
  if (object == nullptr) return no_answer("a key that is no object");
  auto key = parse_bytes(*object, "key");
  auto bytes = parse_bytes(*object, "value");
  EtcdEntry entry{.key = std::move(key).value_or(""),
                  .value = std::move(bytes).value_or(""),
                  .mod_revision = etcd_integer(*object, "mod_revision")};
  if (entry.key.empty() || entry.mod_revision <= 0) return no_answer("a key without a revision");
  return entry;
}

/// The part of a transaction's answer that a range is in; null for a put or a deletion.
const json::object* range_of(const json::value& response) {
  const json::object* object = response.if_object();
  const json::value* range = object != nullptr ? object->if_contains("response_range") : nullptr;
  return range != nullptr ? range->if_object() : nullptr;
}

}  // namespace

EtcdTxn& EtcdTxn::if_at(std::string_view key, EtcdRevision mod_revision) {
  append(compares_, cat("{\"target\":\"MOD\",\"key\":", encoded(key), ",\"mod_revision\":\"",
                        mod_revision, "\"}"));
  return *this;
}

EtcdTxn& EtcdTxn::if_absent(std::string_view key) {
  append(compares_,
         cat("{\"target\":\"CREATE\",\"key\":", encoded(key), ",\"create_revision\":\"0\"}"));
  return *this;
}

/// A condition on a range holds if it does for each key there; and of no key each number is 0.
EtcdTxn& EtcdTxn::if_none(const KeyRange& range) {
  append(compares_, cat("{\"target\":\"CREATE\",\"key\":", encoded(range.begin),
                        ",\"range_end\":", encoded(range.end), ",\"create_revision\":\"0\"}"));
  return *this;
}

EtcdTxn& EtcdTxn::then_put(std::string_view key, std::string_view value, std::int64_t lease) {
  std::string put = cat("{\"request_put\":{\"key\":", encoded(key), ",\"value\":", encoded(value));
  if (lease != 0) put += cat(",\"lease\":\"", lease, "\"");
  append(then_, put + "}}");
  writes_ = true;
  return *this;
}

EtcdTxn& EtcdTxn::then_delete(std::string_view key) {
  append(then_, cat("{\"request_delete_range\":{\"key\":", encoded(key), "}}"));
  writes_ = true;
  return *this;
}

EtcdTxn& EtcdTxn::then_get(std::string_view key) {
  append(then_, get_request(key));
  return *this;
}

EtcdTxn& EtcdTxn::then_get(const KeyRange& range, std::size_t limit, bool keys_only) {
  append(then_, get_request(range, limit, keys_only));
  return *this;
}

EtcdTxn& EtcdTxn::else_get(std::string_view key) {
  append(else_, get_request(key));
  return *this;
}

EtcdTxn& EtcdTxn::else_get(const KeyRange& range, std::size_t limit, bool keys_only) {
  append(else_, get_request(range, limit, keys_only));
  return *this;
}

std::string EtcdTxn::body() const {
  return cat("{\"compare\":[", compares_, "],\"success\":[", then_, "],\"failure\":[", else_, "]}");
}

std::string range_body(const KeyRange& range, std::size_t limit) {
  return cat("{", range_fields(range, limit, false), "}");
}

Result<EtcdRange> parse_range(const json::object& answer) {
  EtcdRange range;
  const json::value* more = answer.if_contains("more");
  range.more = more != nullptr && more->is_bool() && more->get_bool();
  const json::value* entries = answer.if_contains("kvs");
  if (entries == nullptr) return range;
  if (!entries->is_array()) return no_answer("keys that are no list");
  for (const json::value& value : entries->get_array()) {
    auto entry = parse_entry(value);
    if (!entry) return entry.error();
    range.entries.push_back(*std::move(entry));
  }
  return range;
}

Result<EtcdTxnAnswer> parse_txn_answer(const json::object& answer) {
  EtcdTxnAnswer result;
  const json::value* header = answer.if_contains("header");
  if (header == nullptr || !header->is_object()) return no_answer("a transaction without a header");
  result.revision = etcd_integer(header->get_object(), "revision");
  const json::value* succeeded = answer.if_contains("succeeded");
  result.succeeded = succeeded != nullptr && succeeded->is_bool() && succeeded->get_bool();
  const json::value* responses = answer.if_contains("responses");
  if (responses == nullptr) return result;
  if (!responses->is_array()) return no_answer("responses that are no list");
  for (const json::value& response : responses->get_array()) {
    const json::object* object = range_of(response);
    auto range = object != nullptr ? parse_range(*object) : Result<EtcdRange>(EtcdRange{});
    if (!range) return range.error();
    result.ranges.push_back(*std::move(range));
  }
  return result;
}

std::int64_t etcd_integer(const json::object& object, std::string_view name,
                          std::int64_t otherwise) {
  return parse_number<std::int64_t>(object, name).value_or(otherwise);
}

std::uint64_t etcd_id(const json::object& object, std::string_view name) {
  return parse_number<std::uint64_t>(object, name).value_or(0);
}

}  // namespace nextid::store
