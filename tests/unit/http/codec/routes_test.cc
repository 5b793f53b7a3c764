// What each method and target asks for, and how each wrong one is refused.
#include "http/codec/routes.h"

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

namespace nextid::http {
namespace {

constexpr std::uint64_t kMaxRange = 1'000'000;

Request request(std::string_view method, std::string_view target, std::string_view body = "") {
  Request result;
  result.method = method;
  result.target = target;
  result.body = body;
  return result;
}

Call route(std::string_view method, std::string_view target, std::string_view body = "",
           std::uint64_t max_range = kMaxRange) {
  return route_of(request(method, target, body), max_range).call;
}

/// What the service is asked for, and how ids are to be written.
template <typename Asked>
struct Asking {
  Asked call;
  IdFormat ids;
};

template <typename Asked>
Asking<Asked> asked(std::string_view method, std::string_view target, std::string_view body = "") {
  const Call call = route(method, target, body);
  const auto* service_call = std::get_if<ServiceCall>(&call);
  const Asked* found = service_call ? std::get_if<Asked>(&service_call->call) : nullptr;
  EXPECT_NE(found, nullptr) << method << " " << target;
  return found ? Asking<Asked>{*found, service_call->ids} : Asking<Asked>{};
}

Problem problem(const Request& wrong) {
  const auto result = route_of(wrong, kMaxRange).call;
  const auto* refused = std::get_if<Problem>(&result);
  EXPECT_NE(refused, nullptr) << wrong.method << " " << wrong.target << " was not refused";
  return refused != nullptr ? *refused : Problem{};
}

Problem problem(std::string_view method, std::string_view target, std::string_view body = "") {
  return problem(request(method, target, body));
}

TEST(HttpRoutes, ARefusedRequestCountsAsTheCallThatItWasToBe) {
  const auto counted = [](std::string_view method, std::string_view target) {
    return kLabels.routes[route_of(request(method, target), kMaxRange).counted_as].name;
  };
  EXPECT_EQ(counted("GET", "/next"), "next");
  EXPECT_EQ(counted("GET", "/v1/counters/a/next?x=1"), "next");
  EXPECT_EQ(counted("GET", "/range"), "range");
  EXPECT_EQ(counted("PUT", "/v1/counters/a"), "define");
  EXPECT_EQ(counted("GET", "/v1/counters/a"), "show");
  EXPECT_EQ(counted("DELETE", "/v1/counters/a"), "delete");
  EXPECT_EQ(counted("POST", "/v1/counters/a"), "show");
  EXPECT_EQ(counted("POST", "/healthz"), "healthz");
  EXPECT_EQ(counted("GET", "/v1/status?limit=0"), "status");
  EXPECT_EQ(counted("GET", "/nothing"), "other");
}

TEST(HttpRoutes, TheLabelsOfCallsThatGiveIdsSaySo) {
  for (const auto& label : kLabels.routes) {
    EXPECT_EQ(label.gives_ids, label.name == "next" || label.name == "range") << label.name;
  }
}

// --- What is taken

struct Allocation {
  std::string target;
  std::string counter;
  std::uint64_t count;
  bool range;
  IdFormat ids;
};

class AllocatingCalls : public testing::TestWithParam<Allocation> {};

TEST_P(AllocatingCalls, AreTakenWithGetAndPost) {
  for (const auto* method : {"GET", "POST"}) {
    const auto result = route(method, GetParam().target);
    const auto* call = std::get_if<Allocate>(&result);
    ASSERT_NE(call, nullptr) << method << " " << GetParam().target;
    EXPECT_EQ(call->counter, GetParam().counter);
    EXPECT_EQ(call->count, GetParam().count);
    EXPECT_EQ(call->range, GetParam().range);
    EXPECT_EQ(call->ids, GetParam().ids);
    EXPECT_EQ(call->key, "");

    auto with_key = request(method, GetParam().target);
    with_key.idempotency_key = {"k-1", 1};
    const auto keyed = route_of(with_key, kMaxRange).call;
    ASSERT_TRUE(std::holds_alternative<Allocate>(keyed)) << method << " " << GetParam().target;
    EXPECT_EQ(std::get<Allocate>(keyed).key, "k-1");
    EXPECT_EQ(std::get<Allocate>(keyed).counter, GetParam().counter);
    EXPECT_EQ(std::get<Allocate>(keyed).count, GetParam().count);

    with_key.idempotency_key = {"k-1", 2};
    EXPECT_EQ(problem(with_key).status, 400U) << method << " " << GetParam().target;
  }
}

const std::string kLongestName(kMaxCounterNameBytes, 'n');

INSTANTIATE_TEST_SUITE_P(
    Targets, AllocatingCalls,
    testing::Values(
        Allocation{"/next", "global", 1, false, IdFormat::kNumber},
        Allocation{"/next?", "global", 1, false, IdFormat::kNumber},
        Allocation{"/next?counter=orders", "orders", 1, false, IdFormat::kNumber},
        Allocation{"/next?counter=" + kLongestName, kLongestName, 1, false, IdFormat::kNumber},
        Allocation{"/next?as=string", "global", 1, false, IdFormat::kText},
        Allocation{"/next?as=number&counter=a", "a", 1, false, IdFormat::kNumber},
        Allocation{"/range?count=1", "global", 1, true, IdFormat::kNumber},
        Allocation{"/range?count=10&", "global", 10, true, IdFormat::kNumber},
        Allocation{"/range?count=1000000", "global", 1'000'000, true, IdFormat::kNumber},
        Allocation{"/range?counter=orders&count=10&as=string", "orders", 10, true, IdFormat::kText},
        Allocation{"/range?%63ount=%31%30", "global", 10, true, IdFormat::kNumber},
        Allocation{"/v1/counters/orders/next", "orders", 1, false, IdFormat::kNumber},
        Allocation{"/v1/counters/a%3Ab:c._-/next?as=string", "a:b:c._-", 1, false, IdFormat::kText},
        Allocation{"/v1/counters/next/range?count=7", "next", 7, true, IdFormat::kNumber},
        Allocation{"http://ids.example:8000/next?counter=a", "a", 1, false, IdFormat::kNumber}));

TEST(Routes, TakeReadsWithGetAndHead) {
  for (const auto* method : {"GET", "HEAD"}) {
    EXPECT_TRUE(std::holds_alternative<Health>(route(method, "/healthz")));
    EXPECT_TRUE(std::holds_alternative<ServiceCall>(route(method, "/readyz")));

    const auto all = asked<service::ListCounters>(method, "/v1/counters");
    EXPECT_EQ(all.call.after, "");
    EXPECT_EQ(all.call.limit, 100U);
    EXPECT_EQ(all.ids, IdFormat::kNumber);

    const auto page =
        asked<service::ListCounters>(method, "/v1/counters?after=a&limit=1000&as=string");
    EXPECT_EQ(page.call.after, "a");
    EXPECT_EQ(page.call.limit, 1000U);
    EXPECT_EQ(page.ids, IdFormat::kText);

    const auto shown = asked<service::ShowCounter>(method, "/v1/counters/orders?as=string");
    EXPECT_EQ(shown.call.counter, "orders");
    EXPECT_EQ(shown.ids, IdFormat::kText);
  }
  EXPECT_EQ(asked<service::ListCounters>("GET", "/v1/counters?after=").call.after, "");
}

TEST(Routes, TakeDefinitions) {
  const auto defined = asked<service::DefineCounter>(
      "PUT", "/v1/counters/a%3Ab?as=string",
      R"({"start":3,"increment":"10","max":9223372036854775807,"cache":1,)"
      R"("comment":"Größe \u00e4 \"x\"","revision":4})");
  EXPECT_EQ(defined.call.counter, "a:b");
  EXPECT_EQ(defined.ids, IdFormat::kText);
  EXPECT_EQ(defined.call.change.start, 3U);
  EXPECT_EQ(defined.call.change.increment, 10U);
  EXPECT_EQ(defined.call.change.max, kMaxId);
  EXPECT_EQ(defined.call.change.cache, 1U);
  EXPECT_EQ(defined.call.change.comment, "Größe ä \"x\"");
  EXPECT_EQ(defined.call.change.revision, 4U);

  for (const auto* body : {"", "{}", " { } \r\n", "null"}) {
    const auto plain = asked<service::DefineCounter>("PUT", "/v1/counters/a", body);
    EXPECT_EQ(plain.ids, IdFormat::kNumber);
    EXPECT_FALSE(plain.call.change.start || plain.call.change.increment || plain.call.change.max ||
                 plain.call.change.cache || plain.call.change.comment ||
                 plain.call.change.revision);
  }
}

TEST(Routes, TakeAdvances) {
  for (const auto* body : {R"({"to":9223372036854775807})", R"({"to":"9223372036854775807"})"}) {
    const auto advance =
        asked<service::AdvanceCounter>("POST", "/v1/counters/a/advance?as=string", body);
    EXPECT_EQ(advance.call.counter, "a");
    EXPECT_EQ(advance.call.to, kMaxId);
    EXPECT_EQ(advance.ids, IdFormat::kText);
  }
}

TEST(Routes, TakeDeletions) {
  const auto deletion = asked<service::DeleteCounter>("DELETE", "/v1/counters/a%3Ab?as=string");
  EXPECT_EQ(deletion.call.counter, "a:b");
  EXPECT_EQ(deletion.ids, IdFormat::kText);
  EXPECT_FALSE(deletion.call.condition);
  auto conditional = request("DELETE", "/v1/counters/a");
  conditional.if_match = {"\"3\"", 1};
  const Call call = route_of(conditional, kMaxRange).call;
  const auto& asked = std::get<service::DeleteCounter>(std::get<ServiceCall>(call).call);
  Definition definition;
  definition.revision = 3;
  EXPECT_TRUE(asked.condition(&definition));
  definition.revision = 4;
  EXPECT_FALSE(asked.condition(&definition));
  EXPECT_FALSE(asked.condition(nullptr));
}

TEST(Routes, ListTheDeletedApart) {
  EXPECT_FALSE(asked<service::ListCounters>("GET", "/v1/counters").call.deleted);
  EXPECT_FALSE(asked<service::ListCounters>("GET", "/v1/counters?deleted=false").call.deleted);
  EXPECT_TRUE(asked<service::ListCounters>("GET", "/v1/counters?deleted=true").call.deleted);
}

TEST(Routes, IgnoreKeysOfCallsThatAllocateNothing) {
  for (auto call : {request("GET", "/v1/counters/a"), request("GET", "/healthz"),
                    request("PUT", "/v1/counters/a", "{}"),
                    request("POST", "/v1/counters/a/advance", R"({"to":1})")}) {
    call.idempotency_key = {"", 2};
    EXPECT_FALSE(std::holds_alternative<Problem>(route_of(call, kMaxRange).call)) << call.target;
  }
}

// --- What is refused

struct BadValue {
  std::string target;
  std::string named;  // A part of the sentence: the value, or the parameter.
};

class BadValues : public testing::TestWithParam<BadValue> {};

TEST_P(BadValues, AreInvalidAndNamed) {
  const auto refused = problem("GET", GetParam().target);
  EXPECT_EQ(refused.status, 400U);
  EXPECT_EQ(refused.code, "invalid");
  EXPECT_NE(refused.detail.find(GetParam().named), std::string::npos)
      << GetParam().target << ": " << refused.detail;
}

INSTANTIATE_TEST_SUITE_P(
    Counts, BadValues,
    testing::Values(
        BadValue{"/range", "'count' is missing"},
        BadValue{"/range?counter=a", "'count' is missing"}, BadValue{"/range?count", "''"},
        BadValue{"/range?count=", "''"}, BadValue{"/range?count=0", "'0'"},
        BadValue{"/range?count=-1", "'-1'"}, BadValue{"/range?count=%2B1", "'+1'"},
        BadValue{"/range?count=+1", "'+1'"}, BadValue{"/range?count=ten", "'ten'"},
        BadValue{"/range?count=1e3", "'1e3'"}, BadValue{"/range?count=1.0", "'1.0'"},
        BadValue{"/range?count=0x10", "'0x10'"}, BadValue{"/range?count=%201", "' 1'"},
        BadValue{"/range?count=1%00", "'1\\x00'"}, BadValue{"/range?count=1000001", "'1000001'"},
        BadValue{"/range?count=1000001", "from 1 to 1000000"},
        BadValue{"/range?count=9223372036854775808", "'9223372036854775808'"},
        BadValue{"/range?count=18446744073709551616", "'18446744073709551616'"},
        BadValue{"/range?count=18446744073709551617", "'18446744073709551617'"},
        BadValue{"/range?count=" + std::string(100, '9'), "'" + std::string(40, '9') + "...'"},
        BadValue{"/range?count=%ff%22%0a", "'\\xFF\"\\x0A'"},
        BadValue{"/v1/counters/a/range?count=0", "'0'"},
        BadValue{"/v1/counters?limit=0", "'limit' is '0'"},
        BadValue{"/v1/counters?deleted=1", "it must be 'true' or 'false'"},
        BadValue{"/v1/counters?limit=1001", "from 1 to 1000"}));

INSTANTIATE_TEST_SUITE_P(
    Parameters, BadValues,
    testing::Values(
        BadValue{"/next?count=1",
                 "'count' is unknown to /next, which takes counter, as; /range takes it."},
        BadValue{"/range?cout=1",
                 "'cout' is unknown to /range, which takes count, counter, as; did you "
                 "mean count?"},
        BadValue{"/range?Count=1", "; did you mean count?"},
        BadValue{"/range?xyzzy=1", "'xyzzy' is unknown to /range, which takes count, counter, as."},
        BadValue{"/healthz?xyzzy=1", "is unknown to /healthz, which takes none."},
        BadValue{"/v1/counters/a/next?counter=a",
                 "to /v1/counters/{name}/next, which takes as; /next takes it."},
        BadValue{"/next?Counter=a", "'Counter'"}, BadValue{"/next?x=%ff", "'x'"},
        BadValue{"/next?=1", "''"}, BadValue{"/next?a%0ab=1", "'a\\x0Ab'"},
        BadValue{"/next?counter=a&counter=a", "'counter' is given more than once"},
        BadValue{"/range?count=1&count=1", "'count' is given more than once"},
        BadValue{"/range?count=1&cou%6Et=1", "'count' is given more than once"},
        BadValue{"/next?as=", "'as' is ''"}, BadValue{"/next?as=text", "'text'"},
        BadValue{"/v1/counters/a/next?counter=b", "'counter' is unknown"},
        BadValue{"/v1/counters?after=a&after=b", "'after' is given more than once"},
        BadValue{"/healthz?verbose=1", "'verbose' is unknown"}));

INSTANTIATE_TEST_SUITE_P(
    CounterNames, BadValues,
    testing::Values(
        BadValue{"/next?counter=", "''"}, BadValue{"/next?counter=a%20b", "'a b'"},
        BadValue{"/next?counter=.a", "'.a'"}, BadValue{"/next?counter=-a", "'-a'"},
        BadValue{"/next?counter=a/b", "'a/b'"}, BadValue{"/next?counter=%C3%A9", "'\\xC3\\xA9'"},
        BadValue{"/next?counter=" + kLongestName + "n", "..."},
        BadValue{"/v1/counters//next", "''"}, BadValue{"/v1/counters/", "''"},
        BadValue{"/v1/counters/a%2Fb/next", "'a/b'"}, BadValue{"/v1/counters/a%00b", "'a\\x00b'"},
        BadValue{"/v1/counters/..", "'..'"}, BadValue{"/v1/counters?after=%22", "'\"'"}));

INSTANTIATE_TEST_SUITE_P(Targets, BadValues,
                         testing::Values(BadValue{"next", "'next'"}, BadValue{"*", "'*'"},
                                         BadValue{"/next?counter=%zz", "'/next?counter=%zz'"},
                                         BadValue{"/next#top", "'/next#top'"},
                                         BadValue{"/\xC3\xA9", "'/\\xC3\\xA9'"}));

// RFC 9110, 13.2.1 has conditions evaluated where a call changes something: they are kept, or
// refused before an id is taken.
TEST(Routes, ConditionsAreKeptOrRefused) {
  for (const auto& call : describe_calls()) {
    for (const auto method : call.methods) {
      std::string target(call.path);
      if (const auto name = target.find("{name}"); name != target.npos)
        target.replace(name, 6, "c");
      if (const auto file = target.find("{file}"); file != target.npos) {
        target.replace(file, 6, "page.js");
      }
      if (target.ends_with("/range")) target += "?count=1";
      auto wanted = request(method, target);
      if (target.ends_with("/advance")) wanted.body = R"({"to":1})";
      wanted.if_match = {"\"1\"", 1};
      const auto routed = route_of(wanted, kMaxRange);
      const auto* refused = std::get_if<Problem>(&routed.call);
      EXPECT_EQ(refused == nullptr, call.takes_conditions) << method << " " << target;
      EXPECT_EQ(refused != nullptr ? refused->status : 412U, 412U) << target;
    }
  }
}

TEST(Routes, PagesAreFoundAtTheirPaths) {
  for (const auto* target : {"/", "/docs", "/openapi.json", "/assets/page.js"}) {
    auto wanted = request("GET", target);
    wanted.if_none_match = {"\"1\"", 1};
    const auto result = route_of(wanted, kMaxRange);
    const auto* page = std::get_if<ShowAsset>(&result.call);
    ASSERT_NE(page, nullptr) << target;
    EXPECT_EQ(page->asset->path, target);
    EXPECT_EQ(page->conditions.verdict("\"1\""), Preconditions::Verdict::kNoneMatchFailed);
    EXPECT_EQ(page->conditions.verdict("\"2\""), Preconditions::Verdict::kHold);
    EXPECT_TRUE(std::holds_alternative<ShowAsset>(route("HEAD", target))) << target;
    EXPECT_EQ(problem("POST", target).status, 405U) << target;
    EXPECT_EQ(problem("GET", std::string(target) + "?x=1").status, 400U) << target;
  }
}

TEST(Routes, UnknownPathsAreNotFound) {
  for (const auto* target :
       {"/assets/none.js", "/assets/", "/docs/", "/nex", "/next/", "//next", "/NEXT", "/next/more",
        "/v1", "/v1/counters/a/b", "/v1/counters/a/next/", "/v2/counters", "/v1/counters/a/b/next",
        "/healthz/x", "/%6Eext"}) {
    const auto refused = problem("GET", target);
    EXPECT_EQ(refused.status, 404U) << target;
    EXPECT_EQ(refused.code, "not_found");
    EXPECT_NE(refused.detail.find(target), std::string::npos) << refused.detail;
  }
}

TEST(Routes, OptionsNameTheMethods) {
  const auto allowed = [](std::string_view target) {
    const Call call = route("OPTIONS", target);
    const auto* options = std::get_if<ShowOptions>(&call);
    return options == nullptr ? "none" : options->allow;
  };
  EXPECT_EQ(allowed("/next"), "GET, POST");
  EXPECT_EQ(allowed("/"), "GET, HEAD");
  EXPECT_EQ(allowed("/v1/counters/a"), "GET, HEAD, PUT, DELETE");
  EXPECT_EQ(allowed("*"), "GET, HEAD, POST, PUT, DELETE");
  EXPECT_EQ(problem("OPTIONS", "/nothing").status, 404U);
}

TEST(Routes, ProbesAreToldApart) {
  EXPECT_TRUE(is_question_of_health(route("GET", "/healthz")));
  EXPECT_TRUE(is_question_of_health(route("HEAD", "/readyz")));
  EXPECT_TRUE(is_question_of_health(route("OPTIONS", "/")));
  EXPECT_FALSE(is_question_of_health(route("GET", "/metrics")));
  EXPECT_TRUE(is_probe(route("GET", "/metrics")));
  EXPECT_FALSE(is_probe(route("GET", "/next")));
  EXPECT_FALSE(is_probe(route("GET", "/v1/status")));
}

TEST(Routes, WrongMethodsAreToldTheRightOnes) {
  for (const auto* target : {"/next", "/range?count=1", "/v1/counters/a/next", "/range"}) {
    for (const auto* method : {"HEAD", "PUT", "DELETE", "get", "BREW"}) {
      const auto refused = problem(method, target);
      EXPECT_EQ(refused.status, 405U) << method << " " << target;
      EXPECT_EQ(refused.code, "method_not_allowed");
      EXPECT_EQ(refused.allow, "GET, POST");
    }
  }
  for (const auto* target : {"/v1/counters", "/healthz", "/readyz"}) {
    for (const auto* method : {"POST", "PUT", "DELETE"}) {
      const auto refused = problem(method, target);
      EXPECT_EQ(refused.status, 405U) << method << " " << target;
      EXPECT_EQ(refused.allow, "GET, HEAD");
    }
  }
}

TEST(Routes, OnePathMayHaveSeveralCalls) {
  for (const auto* method : {"POST", "delete", "PATCH", "put", ""}) {
    const auto refused = problem(method, "/v1/counters/a");
    EXPECT_EQ(refused.status, 405U) << method;
    EXPECT_EQ(refused.allow, "GET, HEAD, PUT, DELETE");
  }
  for (const auto* method : {"GET", "HEAD", "PUT", "DELETE"}) {
    const auto refused = problem(method, "/v1/counters/a/advance");
    EXPECT_EQ(refused.status, 405U) << method;
    EXPECT_EQ(refused.allow, "POST");
  }
}

TEST(Routes, OtherCallsTakeNoBody) {
  for (const auto* target : {"/next", "/range", "/range?count=1", "/v1/counters/a/next"}) {
    const auto refused = problem("POST", target, "x");
    EXPECT_EQ(refused.status, 400U);
    EXPECT_NE(refused.detail.find("query string"), std::string::npos) << refused.detail;
  }
  EXPECT_EQ(problem("GET", "/v1/counters", "{\"a\":1}").status, 400U);
  EXPECT_EQ(problem("GET", "/v1/counters/a", "{\"a\":1}").status, 400U);
}

TEST(Routes, BodiesAreNotTheOnlyThingChecked) {
  EXPECT_EQ(problem("PUT", "/v1/counters/a%20b", "{}").status, 400U);
  EXPECT_EQ(problem("PUT", "/v1/counters/a?max=5", "{}").status, 400U);
  EXPECT_EQ(problem("POST", "/v1/counters/a/advance?to=5", R"({"to":5})").status, 400U);
}

TEST(Routes, KeepTheConfiguredMaxRange) {
  EXPECT_EQ(std::get<Allocate>(route("GET", "/range?count=4", "", 5)).count, 4U);
  EXPECT_EQ(std::get<Allocate>(route("GET", "/range?count=5", "", 5)).count, 5U);
  EXPECT_TRUE(std::holds_alternative<Problem>(route("GET", "/range?count=6", "", 5)));
}

TEST(Routes, AnEmptyObjectIsNoBody) {
  for (const auto* body : {"{}", " {\n} \r\n", "", "null"}) {
    EXPECT_TRUE(std::holds_alternative<Allocate>(route("POST", "/next", body))) << body;
    EXPECT_TRUE(std::holds_alternative<Allocate>(route("POST", "/range?count=2", body))) << body;
  }
  for (const auto* body : {"{", "[]", "{\"count\":2}", "{}{}", "nul", "null null"}) {
    EXPECT_EQ(problem("POST", "/next", body).status, 400U) << body;
  }
}

// --- What callers need to be allowed

TEST(Routes, AskForReports) {
  EXPECT_FALSE(asked<service::ShowMetrics>("GET", "/metrics").call.openmetrics);
  Request wanted = request("GET", "/metrics");
  wanted.accept = {"application/openmetrics-text; version=1.0.0", 1};
  const auto metrics = std::get<ServiceCall>(route_of(wanted, kMaxRange).call);
  EXPECT_TRUE(std::get<service::ShowMetrics>(metrics.call).openmetrics);
  EXPECT_EQ(asked<service::ShowStatus>("GET", "/v1/status").call.limit, 20U);
  EXPECT_EQ(asked<service::ShowStatus>("HEAD", "/v1/status?limit=100").call.limit,
            service::kMostInStatus);
  EXPECT_EQ(problem("GET", "/v1/status?limit=101").status, 400U);
}

TEST(Routes, NeedWhatTheirCallNeedsForTheirCounter) {
  using service::Needs;
  struct Case {
    std::string_view method, target;
    Needs needs;
    std::string_view counter;
  };
  const Needs& takes = service::kTakesIds;
  for (const auto& [method, target, needs, counter] : {
           Case{"GET", "/next", takes, "global"},
           Case{"POST", "/next", takes, "global"},
           Case{"GET", "/next?counter=a", takes, "a"},
           Case{"GET", "/range?count=2&counter=a", takes, "a"},
           Case{"GET", "/v1/counters/%61/next", takes, "a"},
           Case{"POST", "/v1/counters/a/range?count=2", takes, "a"},
           Case{"GET", "/v1/counters", service::kLists, ""},
           Case{"HEAD", "/v1/counters/a", service::kLooksAt, "a"},
           Case{"PUT", "/v1/counters/a", service::kDefines, "a"},
           Case{"DELETE", "/v1/counters/a", service::kDeletes, "a"},
           Case{"POST", "/v1/counters/a/advance", service::kDefines, ""},  // It lacks a body.
           Case{"GET", "/range", takes, ""},
           Case{"GET", "/metrics", service::kInspects, ""},
           Case{"GET", "/v1/status?limit=5", service::kInspects, ""},
           Case{"GET", "/healthz", service::kEveryone, ""},
           Case{"GET", "/readyz", service::kEveryone, ""},
           Case{"GET", "/nowhere", service::kEveryone, ""},
           Case{"DELETE", "/next", service::kEveryone, ""},
       }) {
    const auto routed = route_of(request(method, target), kMaxRange);
    EXPECT_EQ(routed.needs.who, needs.who) << method << " " << target;
    EXPECT_EQ(routed.needs.right, needs.right) << method << " " << target;
    EXPECT_EQ(routed.counter(), counter) << method << " " << target;
  }
}

}  // namespace
}  // namespace nextid::http
