#include "store/dynamodb/url.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <vector>

#include <boost/url/parse.hpp>

#include "base/cat.h"
#include "store/dynamodb/records_table.h"

namespace nextid::store {
namespace {

using base::cat;

constexpr std::chrono::milliseconds kShortestAttempt{50};
constexpr std::chrono::milliseconds kLongestAttempt{30'000};

Error invalid(const std::string& sentence) {
  return Error(ErrorCode::kInvalid,
               sentence + "; the form is dynamodb://TABLE?region=...&endpoint=...");
}

/// DynamoDB's own limit, less what the name of the second table adds.
constexpr std::size_t kLongestTableName = 255 - std::string_view(kRecordsSuffix).size();

/// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
bool is_table_name(std::string_view name) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  };
  return name.size() >= 3 && name.size() <= kLongestTableName &&
         std::all_of(name.begin(), name.end(), is_allowed);
}

Result<void> set_attempt_timeout(DynamodbSettings& settings, std::string_view text) {
  const bool in_ms = text.ends_with("ms");
  const std::string_view digits =
      text.ends_with('s') ? text.substr(0, text.size() - (in_ms ? 2 : 1)) : text;
  std::uint32_t number = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const auto time = std::chrono::milliseconds(std::int64_t{number} * (in_ms ? 1 : 1000));
  if (parsed.ec != std::errc{} || parsed.ptr != digits.data() + digits.size() ||
      time < kShortestAttempt || time > kLongestAttempt) {
    return invalid(cat("attempt_timeout is '", text, "', and must be a time from 50ms to 30s"));
  }
  settings.attempt_timeout = time;
  return {};
}

Result<void> set_parameter(DynamodbSettings& settings, const std::string& name,
                           const std::string& value) {
  if (name == "create" || name == "plain_http") {
    if (value != "true" && value != "false") {
      return invalid(cat(name, " is '", value, "', and must be true or false"));
    }
    (name == "create" ? settings.create : settings.plain_http) = value == "true";
    return {};
  }
  if (name == "attempt_timeout") return set_attempt_timeout(settings, value);
  std::string* text = name == "region"     ? &settings.region
                      : name == "endpoint" ? &settings.endpoint
                      : name == "profile"  ? &settings.profile
                      : name == "ca_file"  ? &settings.ca_file
                                           : nullptr;
  if (text == nullptr) {
    return invalid(
        cat("a DynamoDB store has no parameter '", name,
            "', but region, endpoint, plain_http, profile, ca_file, create and attempt_timeout"));
  }
  if (value.empty()) return invalid(name + " is empty: give it a value or leave it out");
  *text = value;
  return {};
}

/// Parameters may have an IPv6 endpoint, whose brackets a query can't have as they are (RFC
/// 3986, 3.4).
std::string with_encoded_brackets(const std::string& url) {
  const auto query = std::min(url.find('?'), url.size());
  std::string encoded = url.substr(0, query);
  for (const char c : url.substr(query)) {
    c == '[' ? encoded += "%5B" : c == ']' ? encoded += "%5D" : encoded += c;
  }
  return encoded;
}

}  // namespace

Result<DynamodbSettings> parse_dynamodb_url(const std::string& rest, bool create) {
  const std::string whole = "dynamodb:" + rest;
  const std::string encoded = with_encoded_brackets(whole);  // `url` is a view of it.
  const auto url = boost::urls::parse_uri(encoded);
  if (!url || !url->has_authority()) return invalid(cat("'", whole, "' is no store URL"));
  if (url->has_userinfo() || url->has_port() || url->has_fragment() ||
      (!url->encoded_path().empty() && url->encoded_path() != "/")) {
    return invalid(cat("'", whole, "' says more than a table and its parameters"));
  }
  DynamodbSettings settings;
  settings.url = whole;
  settings.create = create;
  if (!url->host().empty()) settings.table = url->host();
  if (!is_table_name(settings.table)) {
    return invalid(cat("'", settings.table, "' is no table name: those are 3 to ",
                       kLongestTableName, " letters, digits, '_', '-' and '.', since TABLE",
                       kRecordsSuffix, " is to be one, too"));
  }
  std::vector<std::string> seen;
  for (const auto parameter : url->params()) {
    if (std::find(seen.begin(), seen.end(), parameter.key) != seen.end()) {
      return invalid(cat("the parameter '", parameter.key, "' is given more than once"));
    }
    seen.push_back(parameter.key);
    if (auto set = set_parameter(settings, parameter.key, parameter.value); !set) {
      return set.error();
    }
  }
  return settings;
}

}  // namespace nextid::store
