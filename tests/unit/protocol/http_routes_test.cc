// What each method and target asks for, and how each wrong one is refused.
#include "protocol/http_routes.h"

#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

namespace nextid::protocol {
namespace {

constexpr std::uint64_t kMaxRange = 1'000'000;

Route route(std::string_view method, std::string_view target, std::uint64_t body_bytes = 0,
            std::uint64_t max_range = kMaxRange) {
  HttpRequest request;
  request.method = method;
  request.target = target;
  request.body_bytes = body_bytes;
  return route_of(request, max_range);
}

Problem problem(std::string_view method, std::string_view target, std::uint64_t body_bytes = 0) {
  const auto result = route(method, target, body_bytes);
  const auto* refused = std::get_if<Problem>(&result);
  EXPECT_NE(refused, nullptr) << method << " " << target << " was not refused";
  return refused != nullptr ? *refused : Problem{};
}

// --- What is taken

struct Allocation {
  std::string target;
  std::string counter;
  std::uint64_t count;
  bool range;
  bool as_string;
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
    EXPECT_EQ(call->as_string, GetParam().as_string);
  }
}

const std::string kLongestName(kMaxCounterNameBytes, 'n');

INSTANTIATE_TEST_SUITE_P(
    Targets, AllocatingCalls,
    testing::Values(
        Allocation{"/next", "global", 1, false, false},
        Allocation{"/next?", "global", 1, false, false},
        Allocation{"/next?counter=orders", "orders", 1, false, false},
        Allocation{"/next?counter=" + kLongestName, kLongestName, 1, false, false},
        Allocation{"/next?as=string", "global", 1, false, true},
        Allocation{"/next?as=number&counter=a", "a", 1, false, false},
        Allocation{"/range?count=1", "global", 1, true, false},
        Allocation{"/range?count=10&", "global", 10, true, false},
        Allocation{"/range?count=1000000", "global", 1'000'000, true, false},
        Allocation{"/range?counter=orders&count=10&as=string", "orders", 10, true, true},
        Allocation{"/range?%63ount=%31%30", "global", 10, true, false},
        Allocation{"/v1/counters/orders/next", "orders", 1, false, false},
        Allocation{"/v1/counters/a%3Ab:c._-/next?as=string", "a:b:c._-", 1, false, true},
        Allocation{"/v1/counters/next/range?count=7", "next", 7, true, false},
        Allocation{"http://ids.example:8000/next?counter=a", "a", 1, false, false}));

TEST(Routes, TakeReadsWithGetAndHead) {
  for (const auto* method : {"GET", "HEAD"}) {
    EXPECT_TRUE(std::holds_alternative<Health>(route(method, "/healthz")));
    EXPECT_TRUE(std::holds_alternative<Ready>(route(method, "/readyz")));

    const auto all = std::get<ListCounters>(route(method, "/v1/counters"));
    EXPECT_EQ(all.after, "");
    EXPECT_EQ(all.limit, 100U);
    EXPECT_FALSE(all.as_string);

    const auto page =
        std::get<ListCounters>(route(method, "/v1/counters?after=a&limit=1000&as=string"));
    EXPECT_EQ(page.after, "a");
    EXPECT_EQ(page.limit, 1000U);
    EXPECT_TRUE(page.as_string);

    const auto shown = std::get<ShowCounter>(route(method, "/v1/counters/orders?as=string"));
    EXPECT_EQ(shown.name, "orders");
    EXPECT_TRUE(shown.as_string);
  }
  EXPECT_EQ(std::get<ListCounters>(route("GET", "/v1/counters?after=")).after, "");
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
        BadValue{"/v1/counters?limit=1001", "from 1 to 1000"}));

INSTANTIATE_TEST_SUITE_P(
    Parameters, BadValues,
    testing::Values(BadValue{"/next?count=1", "'count' is unknown to /next"},
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

TEST(Routes, UnknownPathsAreNotFound) {
  for (const auto* target :
       {"/", "/nex", "/next/", "//next", "/NEXT", "/next/more", "/v1", "/v1/counters/a/b",
        "/v1/counters/a/next/", "/v2/counters", "/v1/counters/a/b/next", "/healthz/x", "/%6Eext"}) {
    const auto refused = problem("GET", target);
    EXPECT_EQ(refused.status, 404U) << target;
    EXPECT_EQ(refused.code, "not_found");
    EXPECT_NE(refused.detail.find(target), std::string::npos) << refused.detail;
  }
}

TEST(Routes, WrongMethodsAreToldTheRightOnes) {
  for (const auto* target : {"/next", "/range?count=1", "/v1/counters/a/next", "/range"}) {
    for (const auto* method : {"HEAD", "PUT", "DELETE", "OPTIONS", "get", "BREW"}) {
      const auto refused = problem(method, target);
      EXPECT_EQ(refused.status, 405U) << method << " " << target;
      EXPECT_EQ(refused.code, "method_not_allowed");
      EXPECT_EQ(refused.allow, "GET, POST");
    }
  }
  for (const auto* target : {"/v1/counters", "/v1/counters/a", "/healthz", "/readyz"}) {
    for (const auto* method : {"POST", "PUT", "DELETE"}) {
      const auto refused = problem(method, target);
      EXPECT_EQ(refused.status, 405U) << method << " " << target;
      EXPECT_EQ(refused.allow, "GET, HEAD");
    }
  }
}

TEST(Routes, NoCallTakesABody) {
  for (const auto* target : {"/next", "/range?count=1", "/v1/counters/a/next"}) {
    const auto refused = problem("POST", target, 1);
    EXPECT_EQ(refused.status, 400U);
    EXPECT_NE(refused.detail.find("query string"), std::string::npos) << refused.detail;
  }
  EXPECT_EQ(problem("GET", "/v1/counters", 1).status, 400U);
}

TEST(Routes, KeepTheConfiguredMaxRange) {
  EXPECT_EQ(std::get<Allocate>(route("GET", "/range?count=4", 0, 5)).count, 4U);
  EXPECT_EQ(std::get<Allocate>(route("GET", "/range?count=5", 0, 5)).count, 5U);
  EXPECT_TRUE(std::holds_alternative<Problem>(route("GET", "/range?count=6", 0, 5)));
}

}  // namespace
}  // namespace nextid::protocol
