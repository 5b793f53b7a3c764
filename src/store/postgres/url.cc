#include "store/postgres/url.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <boost/url/pct_string_view.hpp>

#include "base/cat.h"
#include "store/common/url_parameters.h"
#include "store/common/url_password.h"

namespace nextid::store {
namespace {

using base::cat;

constexpr std::chrono::milliseconds kShortestAttempt{100};
/// PostgreSQL's limit of a name (NAMEDATALEN - 1).
constexpr std::size_t kLongestName = 63;

Error invalid(const std::string& sentence) {
  return Error(ErrorCode::kInvalid,
               sentence + "; the form is postgres://USER@HOST:PORT/DATABASE?...");
}

struct Parameter {
  std::string name;
  std::string value;
  std::string text;  ///< As it is in the URL.
};

std::vector<Parameter> parameters_of(std::string_view query) {
  std::vector<Parameter> parameters;
  while (!query.empty()) {
    const std::string_view text = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), text.size() + 1));
    const auto equals = std::min(text.find('='), text.size());
    parameters.push_back({std::string(text.substr(0, equals)),
                          std::string(text.substr(std::min(text.size(), equals + 1))),
                          std::string(text)});
  }
  return parameters;
}

UrlProblem set_schema(PostgresSettings& settings, const std::string& name) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  if (name.empty() || name.size() > kLongestName ||
      !std::all_of(name.begin(), name.end(), is_plain)) {
    return cat("schema is '", name, "', and must be 1 to ", kLongestName,
               " letters, digits, '_' and '-'");
  }
  settings.schema = name;
  return {};
}

/// Takes a parameter of our own; the others are libpq's, which checks them.
bool take(PostgresSettings& settings, const Parameter& parameter, UrlProblem& problem) {
  if (parameter.name == "create") {
    problem = set_bool(settings.create, parameter.name, parameter.value);
  } else if (parameter.name == "attempt_timeout") {
    problem = set_attempt_timeout(settings.attempt_timeout, parameter.value, kShortestAttempt);
  } else if (parameter.name == "schema") {
    problem = set_schema(settings, parameter.value);
  } else {
    return false;
  }
  return true;
}

std::string decoded(std::string_view text) {
  const auto encoded = boost::urls::make_pct_string_view(text);
  return encoded ? encoded->decode() : std::string(text);
}

/// In "//USER:PASSWORD@HOST/DATABASE".
std::string user_in(std::string_view address) {
  const auto at = address.find('@');
  if (at == std::string_view::npos || !address.starts_with("//")) return {};
  address = address.substr(2, at - 2);
  return decoded(address.substr(0, address.find(':')));
}

void append(std::string& url, const std::string& parameter) {
  url.append(1, url.find('?') == std::string::npos ? '?' : '&').append(parameter);
}

}  // namespace

Result<PostgresSettings> parse_postgres_url(const std::string& rest, bool create) {
  const auto question = std::min(rest.find('?'), rest.size());
  const std::string address = rest.substr(0, question);
  PostgresSettings settings;
  settings.create = create;
  settings.conninfo = "postgresql:" + address;
  settings.url = hide_password("postgres:" + rest);
  if (!rest.starts_with("//")) return invalid(cat("'", settings.url, "' is no store URL"));
  settings.user = user_in(address);
  std::vector<std::string> seen;
  for (const Parameter& parameter :
       parameters_of(std::string_view(rest).substr(std::min(rest.size(), question + 1)))) {
    if (std::find(seen.begin(), seen.end(), parameter.name) != seen.end()) {
      return invalid(cat("the parameter '", parameter.name, "' is given more than once"));
    }
    seen.push_back(parameter.name);
    if (parameter.name == "user") settings.user = decoded(parameter.value);
    UrlProblem problem;
    const bool is_ours = take(settings, parameter, problem);
    if (!problem.empty()) return invalid(problem);
    if (!is_ours) append(settings.conninfo, parameter.text);
  }
  return settings;
}

}  // namespace nextid::store
