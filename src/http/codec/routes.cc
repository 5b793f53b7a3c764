#include "http/codec/routes.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "base/cat.h"
#include "base/nearest.h"
#include "base/quoting.h"
#include "base/whole_number.h"
#include "http/codec/accept.h"
#include "http/codec/definition_body.h"
#include "http/codec/idempotency_key.h"
#include "http/codec/preconditions.h"

namespace nextid::http {
namespace {

using base::cat;

// What a request says, before a row of the table makes a Route of it.
struct Arguments {
  std::string counter{kDefaultCounter};
  std::uint64_t count = 1;
  std::string after;
  bool deleted = false;
  std::uint64_t limit = service::ListCounters{}.limit;
  std::uint64_t busiest = service::ShowStatus{}.limit;
  IdFormat ids = IdFormat::kNumber;
  std::uint64_t max_range = 0;
  std::string key;
  DefinitionChange change;
  std::uint64_t to = 1;
  std::string_view path;  // Still percent-encoded.
  Preconditions conditions;
  bool openmetrics = false;
};

// --- Parameters

Refusal parse_whole_number(std::string_view name, std::string_view text, std::uint64_t max,
                           std::uint64_t& number) {
  const auto value = base::whole_number(text, 1, max);
  if (!value) {
    return invalid(cat("The parameter '", name, "' is ", base::in_quotes(text),
                       "; it must be a whole number from 1 to ", max, "."));
  }
  number = *value;
  return std::nullopt;
}

Refusal parse_counter_name(std::string_view what, std::string_view text, std::string& name) {
  if (!is_counter_name(text)) {
    return invalid(cat(what, " ", base::in_quotes(text),
                       " is no counter name: 1 to 128 of A-Z a-z 0-9 . _ : -, beginning with a "
                       "letter, a digit or '_'."));
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
  return parse_whole_number("limit", text, service::kMostListed, arguments.limit);
}

Refusal take_busiest(std::string_view text, Arguments& arguments) {
  return parse_whole_number("limit", text, service::kMostInStatus, arguments.busiest);
}

Refusal take_as(std::string_view text, Arguments& arguments) {
  const auto format = parse_id_format(text);
  if (!format) {
    return invalid(
        cat("The parameter 'as' is ", base::in_quotes(text), "; it must be 'string' or 'number'."));
  }
  arguments.ids = *format;
  return std::nullopt;
}

Refusal take_deleted(std::string_view text, Arguments& arguments) {
  if (text != "true" && text != "false") {
    return invalid(cat("The parameter 'deleted' is ", base::in_quotes(text),
                       "; it must be 'true' or 'false'."));
  }
  arguments.deleted = text == "true";
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
constexpr std::array kAsParameters{kAs};
constexpr std::array kListParameters{Parameter{.name = "after", .take = take_after},
                                     Parameter{.name = "limit", .take = take_limit},
                                     Parameter{.name = "deleted", .take = take_deleted}, kAs};
constexpr std::array kStatusParameters{Parameter{.name = "limit", .take = take_busiest}};

// --- Header fields and bodies

Refusal take_no_body(const Request& request) {
  if (says_nothing(request.body)) return std::nullopt;
  return invalid(cat("The request has a body of ", request.body.size(),
                     " bytes, and this call takes none: parameters go in the query string, as in "
                     "/range?count=10."));
}

Refusal take_nothing(const Request& request, Arguments&) {
  if (auto refusal = take_no_body(request)) return refusal;
  return refuse_if_match(request);
}

Refusal take_key(const Request& request, Arguments& arguments) {
  if (auto refusal = take_nothing(request, arguments)) return refusal;
  return parse_idempotency_key(request.idempotency_key, arguments.key);
}

Refusal take_definition(const Request& request, Arguments& arguments) {
  if (auto refusal = Preconditions::parse(request, arguments.conditions)) return refusal;
  return parse_definition(request, arguments.counter, arguments.change);
}

Refusal take_advance(const Request& request, Arguments& arguments) {
  if (auto refusal = parse_advance(request, arguments.to)) return refusal;
  return refuse_if_match(request);
}

Refusal take_conditions(const Request& request, Arguments& arguments) {
  if (auto refusal = take_no_body(request)) return refusal;
  return Preconditions::parse(request, arguments.conditions);
}

Refusal take_format(const Request& request, Arguments& arguments) {
  arguments.openmetrics = prefers_openmetrics(request.accept.value);
  return take_nothing(request, arguments);
}

// --- Calls

Allocate next(Arguments&& arguments) {
  return {.counter = std::move(arguments.counter),
          .ids = arguments.ids,
          .key = std::move(arguments.key)};
}

Allocate range(Arguments&& arguments) {
  return {.counter = std::move(arguments.counter),
          .count = arguments.count,
          .range = true,
          .ids = arguments.ids,
          .key = std::move(arguments.key)};
}

service::ListCounters list(Arguments&& arguments) {
  return {
      .after = std::move(arguments.after), .limit = arguments.limit, .deleted = arguments.deleted};
}

service::ShowCounter show(Arguments&& arguments) {
  return {.counter = std::move(arguments.counter)};
}

/// Null where none is given.
Store::DefinitionCondition condition_of(Preconditions&& conditions) {
  if (!conditions.is_given()) return nullptr;
  return [conditions = std::move(conditions)](const Definition* now) {
    const std::string etag = now != nullptr ? etag_of(*now) : "";
    return conditions.verdict(etag) == Preconditions::Verdict::kHold;
  };
}

service::DefineCounter define(Arguments&& arguments) {
  return {.counter = std::move(arguments.counter),
          .change = std::move(arguments.change),
          .condition = condition_of(std::move(arguments.conditions))};
}

service::DeleteCounter delete_counter(Arguments&& arguments) {
  return {.counter = std::move(arguments.counter),
          .condition = condition_of(std::move(arguments.conditions))};
}

service::AdvanceCounter advance(Arguments&& arguments) {
  return {.counter = std::move(arguments.counter), .to = arguments.to};
}

Health health(Arguments&&) { return {}; }

service::CheckReady ready(Arguments&&) { return {}; }

service::ShowMetrics metrics(Arguments&& arguments) {
  return {.openmetrics = arguments.openmetrics};
}

service::ShowStatus status(Arguments&& arguments) { return {.limit = arguments.busiest}; }

Problem nothing_at(std::string_view path) {
  return {.status = 404,
          .code = "not_found",
          .detail = cat("Nothing is at ", base::in_quotes(path),
                        "; ids are at /next and /range?count=N, and all calls at /docs.")};
}

Call asset(Arguments&& arguments) {
  const auto* found = web::find_asset(arguments.path);
  if (found == nullptr) return nothing_at(arguments.path);
  return ShowAsset{
      .asset = found, .ids = arguments.ids, .conditions = std::move(arguments.conditions)};
}

// --- The table

constexpr std::string_view kReads = "GET, HEAD";
constexpr std::string_view kAllocates = "GET, POST";  // HEAD would burn an id that nobody sees.
constexpr std::string_view kCounterMethods = "GET, HEAD, PUT, DELETE";

// The call that a row makes, and so the right that it takes.
struct Makes {
  service::Needs needs;
  Call (*make)(Arguments&& arguments);
};

template <auto kMake>
Call make_call(Arguments&& arguments) {
  const IdFormat ids = arguments.ids;
  auto made = kMake(std::move(arguments));
  if constexpr (std::is_constructible_v<Call, decltype(made)>) {
    return made;
  } else {
    return ServiceCall{std::move(made), ids, std::move(arguments.conditions)};
  }
}

template <auto kMake, typename Made = std::invoke_result_t<decltype(kMake), Arguments>>
constexpr Makes makes() {
  return {Made::kNeeds, make_call<kMake>};
}

struct Row {
  // "{name}" stands for one segment, a counter name; "{file}" for one of any kind.
  std::string_view path;
  std::string_view methods;     // Of this row.
  std::string_view allow;       // The methods of all rows with this path.
  std::string_view counted_as;  // In metrics.
  Makes makes;
  std::span<const Parameter> parameters;
  Refusal (*take_rest)(const Request& request, Arguments& arguments);
};

constexpr std::string_view kCounterPath = "/v1/counters/{name}";

constexpr std::array kRows{
    Row{"/next", kAllocates, kAllocates, "next", makes<next>(), kNextParameters, take_key},
    Row{"/range", kAllocates, kAllocates, "range", makes<range>(), kRangeParameters, take_key},
    Row{"/v1/counters", kReads, kReads, "list", makes<list>(), kListParameters, take_nothing},
    Row{kCounterPath, kReads, kCounterMethods, "show", makes<show>(), kAsParameters,
        take_conditions},
    Row{kCounterPath, "PUT", kCounterMethods, "define", makes<define>(), kAsParameters,
        take_definition},
    Row{kCounterPath, "DELETE", kCounterMethods, "delete", makes<delete_counter>(), kAsParameters,
        take_conditions},
    Row{"/v1/counters/{name}/next", kAllocates, kAllocates, "next", makes<next>(), kAsParameters,
        take_key},
    Row{"/v1/counters/{name}/range", kAllocates, kAllocates, "range", makes<range>(),
        kNamedRangeParameters, take_key},
    Row{"/v1/counters/{name}/advance", "POST", "POST", "advance", makes<advance>(), kAsParameters,
        take_advance},
    Row{"/healthz", kReads, kReads, "healthz", makes<health>(), {}, take_nothing},
    Row{"/readyz", kReads, kReads, "readyz", makes<ready>(), {}, take_nothing},
    Row{"/metrics", kReads, kReads, "metrics", makes<metrics>(), {}, take_format},
    Row{"/v1/status", kReads, kReads, "status", makes<status>(), kStatusParameters, take_nothing},
    Row{"/", kReads, kReads, "pages", makes<asset, ShowAsset>(), {}, take_conditions},
    Row{"/docs", kReads, kReads, "pages", makes<asset, ShowAsset>(), {}, take_conditions},
    Row{"/openapi.json", kReads, kReads, "pages", makes<asset, ShowAsset>(), kAsParameters,
        take_conditions},
    Row{"/assets/{file}", kReads, kReads, "pages", makes<asset, ShowAsset>(), {}, take_conditions},
};

constexpr stats::RouteLabels kRouteLabels(kRows, [](const Row& row) {
  return stats::RouteLabel{row.counted_as, row.makes.needs.takes_ids()};
});

constexpr std::size_t kMaxParameters = 8;
static_assert(std::all_of(kRows.begin(), kRows.end(),
                          [](const Row& row) { return row.parameters.size() <= kMaxParameters; }));

// --- Matching

std::string_view std_view(boost::core::string_view text) noexcept {
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
    } else if (expected != "{file}" && expected != segment) {
      return false;
    }
  }
  return pattern.empty() && path.empty();
}

// Takes the first method from the front of a list like that of the Allow header.
std::string_view take_method(std::string_view& methods) noexcept {
  const auto method = methods.substr(0, methods.find(", "));
  methods.remove_prefix(std::min(methods.size(), method.size() + 2));
  return method;
}

bool is_among(std::string_view method, std::string_view methods) noexcept {
  while (!methods.empty()) {
    if (take_method(methods) == method) return true;
  }
  return false;
}

stats::Route route_of_row(const Row& row) noexcept {
  return kRouteLabels.of_row(static_cast<std::size_t>(&row - kRows.data()));
}

struct Match {
  const Row* row = nullptr;  // One with the path; with the method too, if there is such a row.
  std::string_view name;     // Percent-encoded; no data where the path has none.
  bool takes_method = false;
};

Match find_row(std::string_view path, std::string_view method) {
  Match match;
  if (!path.starts_with('/')) return match;
  for (const Row& row : kRows) {
    std::string_view name;
    if (!matches(row.path, path, name)) continue;
    const bool takes_method = is_among(method, row.methods);
    if (match.row == nullptr || takes_method) match = {&row, name, takes_method};
    if (takes_method) break;
  }
  return match;
}

bool has_parameter(const Row& row, std::string_view name) {
  return std::any_of(row.parameters.begin(), row.parameters.end(),
                     [&](const Parameter& parameter) { return parameter.name == name; });
}

// What was probably meant by a parameter that the row does not take: as in /next?count=5, or in
// /range?cout=5.
std::string meant_by(const std::string& name, const std::vector<std::string>& known) {
  const auto other = std::find_if(kRows.begin(), kRows.end(),
                                  [&](const Row& row) { return has_parameter(row, name); });
  if (other != kRows.end()) return cat("; ", other->path, " takes it.");
  const std::string meant = base::nearest(name, known);
  return meant.empty() ? "." : cat("; did you mean ", meant, "?");
}

Refusal unknown_parameter(const Row& row, const std::string& name) {
  std::vector<std::string> known;
  std::string takes;
  for (const Parameter& parameter : row.parameters) {
    known.emplace_back(parameter.name);
    takes.append(takes.empty() ? "" : ", ").append(parameter.name);
  }
  return invalid(cat("The parameter ", base::in_quotes(name), " is unknown to ", row.path,
                     ", which takes ", takes.empty() ? "none" : takes, meant_by(name, known)));
}

Refusal take_parameters(const Row& row, const boost::urls::url_view& url, Arguments& arguments) {
  std::bitset<kMaxParameters> seen;  // By their places in row.parameters.
  for (const auto& item : url.encoded_params()) {
    const std::string name = decoded(item.key);
    if (name.empty() && !item.has_value) continue;  // As in "/next?" and "a=1&&b=2".
    const auto parameter = std::find_if(row.parameters.begin(), row.parameters.end(),
                                        [&](const Parameter& known) { return known.name == name; });
    if (parameter == row.parameters.end()) return unknown_parameter(row, name);
    const auto place = static_cast<std::size_t>(parameter - row.parameters.begin());
    if (seen[place]) return invalid(cat("The parameter '", name, "' is given more than once."));
    seen[place] = true;
    if (auto refusal = parameter->take(decoded(item.value), arguments)) return refusal;
  }
  for (std::size_t place = 0; place < row.parameters.size(); ++place) {
    const Parameter& parameter = row.parameters[place];
    if (parameter.required && !seen[place]) {
      return invalid(cat("The parameter '", parameter.name,
                         "' is missing; it must be a whole number from 1 to ", arguments.max_range,
                         "."));
    }
  }
  return std::nullopt;
}

Refusal take_arguments(const Request& request, const Match& match, const boost::urls::url_view& url,
                       Arguments& arguments) {
  if (match.name.data() != nullptr) {
    const boost::urls::pct_string_view name(match.name.data(), match.name.size());
    if (auto refusal = parse_counter_name("In the path,", decoded(name), arguments.counter)) {
      return refusal;
    }
  }
  if (auto refusal = match.row->take_rest(request, arguments)) return refusal;
  return take_parameters(*match.row, url, arguments);
}

boost::system::result<boost::urls::url_view> parse_target(std::string_view target) {
  const boost::core::string_view text(target.data(), target.size());
  // Clients that take this server for a proxy send the absolute form (RFC 9112, 3.2.2).
  return target.starts_with('/') ? boost::urls::parse_origin_form(text)
                                 : boost::urls::parse_absolute_uri(text);
}

Routed route_of_url(const Request& request, const boost::urls::url_view& url,
                    std::uint64_t max_range) {
  const auto match = find_row(std_view(url.encoded_path()), request.method);
  if (match.row == nullptr) {
    return {nothing_at(std_view(url.encoded_path()))};
  }
  const Row& row = *match.row;
  const stats::Route route = route_of_row(row);
  if (request.method == "OPTIONS") return {ShowOptions{row.allow}, ShowOptions::kNeeds, route};
  if (!match.takes_method) {
    return {Problem{.status = 405,
                    .code = "method_not_allowed",
                    .detail = cat("The method ", base::in_quotes(request.method), " is not for ",
                                  row.path, ", which takes ", row.allow, "."),
                    .allow = row.allow},
            service::kEveryone, route};
  }
  Arguments arguments;
  arguments.max_range = max_range;
  arguments.path = std_view(url.encoded_path());
  if (auto refusal = take_arguments(request, match, url, arguments)) {
    return {*std::move(refusal), row.makes.needs, route};
  }
  return {row.makes.make(std::move(arguments)), row.makes.needs, route};
}

template <typename Chosen>
std::string_view counter_of(const Chosen& chosen) {
  if constexpr (requires { chosen.counter; }) return chosen.counter;
  return {};
}

template <typename... Calls>
std::string_view counter_of(const std::variant<Calls...>& call) {
  return std::visit([](const auto& chosen) { return counter_of(chosen); }, call);
}

}  // namespace

const stats::FrontEndLabels kLabels{"http", kRouteLabels.labels()};

std::string_view Routed::counter() const noexcept {
  return std::visit(
      []<typename Chosen>(const Chosen& chosen) -> std::string_view {
        if constexpr (std::is_same_v<Chosen, ServiceCall>) return counter_of(chosen.call);
        return counter_of(chosen);
      },
      call);
}

bool is_question_of_readiness(const Call& call) noexcept {
  const auto* service_call = std::get_if<ServiceCall>(&call);
  return service_call && std::holds_alternative<service::CheckReady>(service_call->call);
}

bool is_question_of_health(const Call& call) noexcept {
  return std::holds_alternative<Health>(call) || std::holds_alternative<ShowOptions>(call) ||
         is_question_of_readiness(call);
}

bool is_probe(const Call& call) noexcept {
  const auto* service_call = std::get_if<ServiceCall>(&call);
  return is_question_of_health(call) ||
         (service_call && std::holds_alternative<service::ShowMetrics>(service_call->call));
}

Routed route_of(const Request& request, std::uint64_t max_range) {
  if (request.target == "/next" && request.body.empty() && request.idempotency_key.count == 0 &&
      request.if_match.count == 0 && is_among(request.method, kAllocates)) {
    return {Allocate{}, Allocate::kNeeds, route_of_row(kRows[0])};
  }
  if (request.method == "OPTIONS" && request.target == "*") {
    return {ShowOptions{"GET, HEAD, POST, PUT, DELETE"}, ShowOptions::kNeeds};
  }
  const auto url = parse_target(request.target);
  if (!url) {
    return {invalid(cat("The request target ", base::in_quotes(request.target),
                        " is no valid path and query."))};
  }
  return route_of_url(request, *url, max_range);
}

std::vector<CallDescription> describe_calls() {
  std::vector<CallDescription> descriptions;
  for (const Row& row : kRows) {
    CallDescription description{
        .path = row.path,
        .methods = {},
        .query_parameters = {},
        .takes_key = row.take_rest == take_key,
        .takes_conditions = row.take_rest == take_conditions || row.take_rest == take_definition,
        .takes_body = row.take_rest == take_definition || row.take_rest == take_advance};
    for (auto methods = row.methods; !methods.empty();) {
      description.methods.push_back(take_method(methods));
    }
    for (const auto& parameter : row.parameters) {
      description.query_parameters.push_back({parameter.name, parameter.required});
    }
    descriptions.push_back(std::move(description));
  }
  return descriptions;
}

}  // namespace nextid::http
