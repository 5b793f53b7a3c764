#include "store/common/url_parameters.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <vector>

#include "base/cat.h"

namespace nextid::store {

using base::cat;

std::string with_encoded_brackets(const std::string& url) {
  const auto query = std::min(url.find('?'), url.size());
  std::string encoded = url.substr(0, query);
  for (const char c : url.substr(query)) {
    c == '[' ? encoded += "%5B" : c == ']' ? encoded += "%5D" : encoded += c;
  }
  return encoded;
}

UrlProblem for_each_parameter(
    const boost::urls::url_view& url,
    const std::function<UrlProblem(const std::string& name, const std::string& value)>& take) {
  std::vector<std::string> seen;
  for (const auto parameter : url.params()) {
    if (std::find(seen.begin(), seen.end(), parameter.key) != seen.end()) {
      return cat("the parameter '", parameter.key, "' is given more than once");
    }
    seen.push_back(parameter.key);
    if (UrlProblem problem = take(parameter.key, parameter.value); !problem.empty()) return problem;
  }
  return {};
}

std::string never_making_url(const std::string& rest) {
  const auto question = rest.find('?');
  std::string result = rest.substr(0, question);
  char separator = '?';
  const auto add = [&](std::string_view parameter) {
    result.append(1, separator).append(parameter);
    separator = '&';
  };
  for (auto at = question; at != std::string::npos;) {
    const auto next = rest.find('&', at + 1);
    const std::string_view parameter =
        std::string_view(rest).substr(at + 1, next == std::string::npos ? next : next - at - 1);
    if (parameter != "create=true" && parameter != "create=false") add(parameter);
    at = next;
  }
  add("create=false");
  return result;
}

UrlProblem set_bool(bool& target, std::string_view name, std::string_view value) {
  if (value != "true" && value != "false") {
    return cat(name, " is '", value, "', and must be true or false");
  }
  target = value == "true";
  return {};
}

UrlProblem set_text(std::string& target, std::string_view name, std::string_view value) {
  if (value.empty()) return cat(name, " is empty: give it a value or leave it out");
  target = value;
  return {};
}

UrlProblem set_attempt_timeout(std::chrono::milliseconds& target, std::string_view text,
                               std::chrono::milliseconds shortest) {
  const bool in_ms = text.ends_with("ms");
  const std::string_view digits =
      text.ends_with('s') ? text.substr(0, text.size() - (in_ms ? 2 : 1)) : text;
  std::uint32_t number = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const auto time = std::chrono::milliseconds(std::int64_t{number} * (in_ms ? 1 : 1000));
  if (parsed.ec != std::errc{} || parsed.ptr != digits.data() + digits.size() || time < shortest ||
      time > kLongestAttempt) {
    const auto ms = shortest.count();
    return cat("attempt_timeout is '", text, "', and must be a time from ",
               ms % 1000 == 0 ? ms / 1000 : ms, ms % 1000 == 0 ? "s" : "ms", " to ",
               kLongestAttempt.count() / 1000, "s");
  }
  target = time;
  return {};
}

}  // namespace nextid::store
