#include "resp/codec/answers.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "nextid/version.h"

#include "base/glob.h"

namespace nextid::resp {
namespace {

std::string values_answer(const std::vector<Result<CounterInfo>>& found, bool as_array,
                          Version version) {
  std::string bytes;
  if (as_array) append_array_head(bytes, found.size());
  for (const auto& counter : found) {
    if (counter && counter->value) {
      append_bulk(bytes, std::to_string(*counter->value));
    } else {
      append_null(bytes, version);
    }
  }
  return bytes;
}

/// A deleted counter is one that there is not.
bool is_missing(const Error& error) {
  return error.code() == ErrorCode::kNotFound || error.code() == ErrorCode::kDeleted;
}

}  // namespace

std::string error_answer(const Error& error) {
  std::string bytes;
  append_error(bytes, error);
  return bytes;
}

std::string answer_to(const Lookup& lookup, const Result<service::FindCounters::Answer>& answer,
                      Version version) {
  if (!answer) return error_answer(answer.error());
  const auto& found = *answer;
  for (const auto& counter : found) {
    if (!counter && !is_missing(counter.error())) return error_answer(counter.error());
  }
  const auto exist =
      std::count_if(found.begin(), found.end(), [](const auto& counter) { return counter; });
  std::string bytes;
  switch (lookup.kind) {
    case Lookup::Kind::kExists:
      append_integer(bytes, exist);
      return bytes;
    case Lookup::Kind::kType:
      append_simple(bytes, exist > 0 ? "string" : "none");
      return bytes;
    case Lookup::Kind::kTimeToLive:
      append_integer(bytes, exist > 0 ? -1 : -2);  // No counter expires.
      return bytes;
    case Lookup::Kind::kGet:
    case Lookup::Kind::kMGet:
      return values_answer(found, lookup.kind == Lookup::Kind::kMGet, version);
  }
  return bytes;
}

std::string answer_to(const Make& make, const Result<DefinedCounter>& defined, Version version) {
  const bool is_there = !defined && defined.error().code() == ErrorCode::kPrecondition;
  if (!defined && !is_there) return error_answer(defined.error());
  std::string bytes;
  const bool made = !is_there && defined->created;
  if (make.as_number) {
    append_integer(bytes, made ? 1 : 0);
  } else if (made) {
    append_simple(bytes, "OK");
  } else {
    append_null(bytes, version);
  }
  return bytes;
}

std::string answer_to(const Delete&, const Result<CounterInfo>& counter, Version) {
  if (!counter) return error_answer(counter.error());
  std::string bytes;
  append_integer(bytes, static_cast<std::int64_t>(counter->value.value_or(0)));
  return bytes;
}

std::string answer_to(const CountCounters&, const Result<std::uint64_t>& count, Version) {
  if (!count) return error_answer(count.error());
  std::string bytes;
  append_integer(bytes, static_cast<std::int64_t>(*count));
  return bytes;
}

std::string scan_answer(const Scan& scan, const CounterPage& page, std::uint64_t cursor) {
  std::vector<std::string_view> names;
  for (const CounterInfo& counter : page.counters) {
    const bool fits = scan.pattern.empty() || base::glob_matches(scan.pattern, counter.name);
    if (fits && scan.strings) names.push_back(counter.name);
  }
  std::string bytes;
  append_array_head(bytes, 2);
  append_bulk(bytes, std::to_string(cursor));
  append_array_head(bytes, names.size());
  for (const std::string_view name : names) append_bulk(bytes, name);
  return bytes;
}

std::string greeting(const Session& session) {
  std::string bytes;
  append_map_head(bytes, 7, session.version);
  const auto add_text = [&bytes](std::string_view key, std::string_view value) {
    append_bulk(bytes, key);
    append_bulk(bytes, value);
  };
  const auto add_number = [&bytes](std::string_view key, std::int64_t value) {
    append_bulk(bytes, key);
    append_integer(bytes, value);
  };
  add_text("server", "nextid");
  add_text("version", kVersion);
  add_number("proto", static_cast<int>(session.version));
  add_number("id", static_cast<std::int64_t>(session.id));
  add_text("mode", "standalone");
  add_text("role", "master");
  append_bulk(bytes, "modules");
  append_array_head(bytes, 0);
  return bytes;
}

}  // namespace nextid::resp
