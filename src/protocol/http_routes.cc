#include "protocol/http_routes.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace nextid::protocol {
namespace {

// What path and query say, before a row of the table makes a Route of it.
struct Arguments {
  std::string counter{kDefaultCounter};
  std::uint64_t count = 1;
  std::string after;
  std::uint64_t limit = ListCounters{}.limit;
  bool as_string = false;
  std::uint64_t max_range = 0;
};

Problem invalid(std::string sentence) { return {.detail = std::move(sentence)}; }

std::string quoted(std::string_view bytes) { return "'" + printable(bytes) + "'"; }

// --- Parameters

using Refusal = std::optional<Problem>;

Refusal parse_whole_number(std::string_view name, std::string_view text, std::uint64_t max,
                           std::uint64_t& number) {
  const bool digits = !text.empty() && std::all_of(text.begin(), text.end(),
                                                   [](char c) { return c >= '0' && c <= '9'; });
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (!digits || parsed.ec != std::errc{} || value < 1 || value > max) {
    return invalid("The parameter '" + std::string(name) + "' is " + quoted(text) +
                   "; it must be a whole number from 1 to " + std::to_string(max) + ".");
  }
  number = value;
  return std::nullopt;
}

Refusal parse_counter_name(std::string_view what, std::string_view text, std::string& name) {
  if (!is_counter_name(text)) {
    return invalid(std::string(what) + " " + quoted(text) +
                   " is no counter name: 1 to 128 of A-Z a-z 0-9 . _ : -, beginning with a letter, "
                   "a digit or '_'.");
  }
  name = text;
  return std::nullopt;
}

Refusal take_count(std::string_view text, Arguments& arguments) {
  return parse_whole_number("count", text, arguments.max_range, arguments.count);
}

Refusal take_counter(std::string_view text, Arguments& arguments) {
  return parse_counter_name("The parameter 'counter':", text, arguments.counter);
}

Refusal take_after(std::string_view text, Arguments& arguments) {
  if (text.empty()) return std::nullopt;
  return parse_counter_name("The parameter 'after':", text, arguments.after);
}

Refusal take_limit(std::string_view text, Arguments& arguments) {
  return parse_whole_number("limit", text, kMaxListLimit, arguments.limit);
}

Refusal take_as(std::string_view text, Arguments& arguments) {
  if (text != "string" && text != "number") {
    return invalid("The parameter 'as' is " + quoted(text) + "; it must be 'string' or 'number'.");
  }
  arguments.as_string = text == "string";
  return std::nullopt;
}

struct Parameter {
  std::string_view name;
  Refusal (*take)(std::string_view text, Arguments& arguments);
  bool required = false;
};

constexpr Parameter kAs{.name = "as", .take = take_as};
constexpr Parameter kCount{.name = "count", .take = take_count, .required = true};
constexpr Parameter kCounter{.name = "counter", .take = take_counter};

constexpr std::array kNextParameters{kCounter, kAs};
constexpr std::array kRangeParameters{kCount, kCounter, kAs};
constexpr std::array kNamedRangeParameters{kCount, kAs};
constexpr std::array kShowParameters{kAs};
constexpr std::array kListParameters{Parameter{.name = "after", .take = take_after},
                                     Parameter{.name = "limit", .take = take_limit}, kAs};

// --- Calls

Route make_next(Arguments&& arguments) {
  return Allocate{.counter = std::move(arguments.counter), .as_string = arguments.as_string};
}

Route make_range(Arguments&& arguments) {
  return Allocate{.counter = std::move(arguments.counter),
                  .count = arguments.count,
                  .range = true,
                  .as_string = arguments.as_string};
}

Route make_list(Arguments&& arguments) {
  return ListCounters{.after = std::move(arguments.after),
                      .limit = arguments.limit,
                      .as_string = arguments.as_string};
}

Route make_show(Arguments&& arguments) {
  return ShowCounter{.name = std::move(arguments.counter), .as_string = arguments.as_string};
}

Route make_health(Arguments&&) { return Health{}; }

Route make_ready(Arguments&&) { return Ready{}; }

// The `Allow` header of a call, which is also the list of methods it takes.
constexpr std::string_view kReads = "GET, HEAD";
constexpr std::string_view kAllocates = "GET, POST";  // HEAD would burn an id that nobody sees.

struct Call {
  std::string_view path;  // "{name}" stands for one segment, a counter name.
  std::string_view methods;
  std::span<const Parameter> parameters;
  Route (*make)(Arguments&& arguments);
};

constexpr std::array kCalls{
    Call{"/next", kAllocates, kNextParameters, make_next},
    Call{"/range", kAllocates, kRangeParameters, make_range},
    Call{"/v1/counters", kReads, kListParameters, make_list},
    Call{"/v1/counters/{name}", kReads, kShowParameters, make_show},
    Call{"/v1/counters/{name}/next", kAllocates, kShowParameters, make_next},
    Call{"/v1/counters/{name}/range", kAllocates, kNamedRangeParameters, make_range},
    Call{"/healthz", kReads, {}, make_health},
    Call{"/readyz", kReads, {}, make_ready},
};

// --- Matching

std::string_view std_view(boost::urls::string_view text) noexcept {
  return {text.data(), text.size()};
}

std::string decoded(boost::urls::pct_string_view text) { return text.decode(); }

// Takes the first segment, without its slash, from the front of `path`.
std::string_view take_segment(std::string_view& path) noexcept {
  path.remove_prefix(1);
  const auto segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

// Whether `path`, still percent-encoded, has the form of `pattern`; `name` receives the segment at
// "{name}".
bool matches(std::string_view pattern, std::string_view path, std::string_view& name) {
  while (!pattern.empty() && !path.empty()) {
    const auto expected = take_segment(pattern);
    const auto segment = take_segment(path);
    if (expected == "{name}") {
      name = segment;
    } else if (expected != segment) {
      return false;
    }
  }
  return pattern.empty() && path.empty();
}

struct Match {
  const Call* call;
  std::string_view name;  // Percent-encoded; no data where the path has none.
};

std::optional<Match> find_call(std::string_view path) {
  if (!path.starts_with('/')) return std::nullopt;
  for (const auto& call : kCalls) {
    std::string_view name;
    if (matches(call.path, path, name)) return Match{&call, name};
  }
  return std::nullopt;
}

bool takes_method(const Call& call, std::string_view method) noexcept {
  return (method == "GET") || (method == "POST" && call.methods == kAllocates) ||
         (method == "HEAD" && call.methods == kReads);
}

Refusal take_parameters(const Call& call, const boost::urls::url_view& url, Arguments& arguments) {
  std::vector<const Parameter*> seen;
  for (const auto& item : url.encoded_params()) {
    const std::string name = decoded(item.key);
    if (name.empty() && !item.has_value) continue;  // As in "/next?" and "a=1&&b=2".
    const auto parameter = std::find_if(call.parameters.begin(), call.parameters.end(),
                                        [&](const Parameter& known) { return known.name == name; });
    if (parameter == call.parameters.end()) {
      return invalid("The parameter " + quoted(name) + " is unknown to " + std::string(call.path) +
                     ".");
    }
    if (std::find(seen.begin(), seen.end(), &*parameter) != seen.end()) {
      return invalid("The parameter '" + name + "' is given more than once.");
    }
    seen.push_back(&*parameter);
    if (auto refusal = parameter->take(decoded(item.value), arguments)) return refusal;
  }
  for (const auto& parameter : call.parameters) {
    if (parameter.required && std::find(seen.begin(), seen.end(), &parameter) == seen.end()) {
      return invalid("The parameter '" + std::string(parameter.name) +
                     "' is missing; it must be a whole number from 1 to " +
                     std::to_string(arguments.max_range) + ".");
    }
  }
  return std::nullopt;
}

boost::urls::result<boost::urls::url_view> parse_target(std::string_view target) {
  const boost::urls::string_view text(target.data(), target.size());
  // Clients that take this server for a proxy send the absolute form (RFC 9112, 3.2.2).
  return target.starts_with('/') ? boost::urls::parse_origin_form(text)
                                 : boost::urls::parse_absolute_uri(text);
}

Route route_of_url(const HttpRequest& request, const boost::urls::url_view& url,
                   std::uint64_t max_range) {
  const auto match = find_call(std_view(url.encoded_path()));
  if (!match) {
    return Problem{.status = 404,
                   .code = "not_found",
                   .detail = "Nothing is at " + quoted(std_view(url.encoded_path())) +
                             "; ids are at /next and /range?count=N."};
  }
  const Call& call = *match->call;
  if (!takes_method(call, request.method)) {
    return Problem{.status = 405,
                   .code = "method_not_allowed",
                   .detail = "The method " + quoted(request.method) + " is not for " +
                             std::string(call.path) + ", which takes " + std::string(call.methods) +
                             ".",
                   .allow = call.methods};
  }
  if (request.body_bytes > 0) {
    return invalid("The request has a body of " + std::to_string(request.body_bytes) +
                   " bytes, and no call takes one: parameters go in the query string, as in "
                   "/range?count=10.");
  }
  Arguments arguments;
  arguments.max_range = max_range;
  if (match->name.data() != nullptr) {
    const boost::urls::pct_string_view name(match->name.data(), match->name.size());
    if (auto refusal = parse_counter_name("In the path,", decoded(name), arguments.counter)) {
      return *std::move(refusal);
    }
  }
  if (auto refusal = take_parameters(call, url, arguments)) return *std::move(refusal);
  return call.make(std::move(arguments));
}

}  // namespace

Route route_of(const HttpRequest& request, std::uint64_t max_range) {
  if (request.target == "/next" && request.body_bytes == 0 &&
      (request.method == "GET" || request.method == "POST")) {
    return Allocate{};
  }
  const auto url = parse_target(request.target);
  if (!url) {
    return invalid("The request target " + quoted(request.target) + " is no valid path and query.");
  }
  return route_of_url(request, *url, max_range);
}

}  // namespace nextid::protocol
