#include "store/dynamodb/url.h"

#include <algorithm>
#include <string_view>

#include <boost/url/parse.hpp>

#include "base/cat.h"
#include "store/common/url_parameters.h"
#include "store/common/url_password.h"
#include "store/dynamodb/records_table.h"

namespace nextid::store {
namespace {

using base::cat;

constexpr std::chrono::milliseconds kShortestAttempt{50};

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

UrlProblem set_parameter(DynamodbSettings& settings, const std::string& name,
                         const std::string& value) {
  if (name == "create") return set_bool(settings.create, name, value);
  if (name == "plain_http") return set_bool(settings.plain_http, name, value);
  if (name == "attempt_timeout") {
    return set_attempt_timeout(settings.attempt_timeout, value, kShortestAttempt);
  }
  std::string* text = name == "region"     ? &settings.region
                      : name == "endpoint" ? &settings.endpoint
                      : name == "profile"  ? &settings.profile
                      : name == "ca_file"  ? &settings.ca_file
                                           : nullptr;
  if (text != nullptr) return set_text(*text, name, value);
  return cat("a DynamoDB store has no parameter '", name,
             "', but region, endpoint, plain_http, profile, ca_file, create and attempt_timeout");
}

}  // namespace

Result<DynamodbSettings> parse_dynamodb_url(const std::string& rest, bool create) {
  const std::string whole = "dynamodb:" + rest;
  const std::string encoded = with_encoded_brackets(whole);  // `url` is a view of it.
  // One that has no password here, but may have been given one.
  const std::string shown = hide_password(whole);
  const auto url = boost::urls::parse_uri(encoded);
  if (!url || !url->has_authority()) return invalid(cat("'", shown, "' is no store URL"));
  if (url->has_userinfo() || url->has_port() || url->has_fragment() ||
      (!url->encoded_path().empty() && url->encoded_path() != "/")) {
    return invalid(cat("'", shown, "' says more than a table and its parameters"));
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
  const UrlProblem problem =
      for_each_parameter(*url, [&](const std::string& name, const std::string& value) {
        return set_parameter(settings, name, value);
      });
  if (!problem.empty()) return invalid(problem);
  return settings;
}

}  // namespace nextid::store
