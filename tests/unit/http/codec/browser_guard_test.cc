#include "http/codec/browser_guard.h"

#include <string_view>

#include <gtest/gtest.h>

namespace nextid::http {
namespace {

Request to(std::string_view host) {
  Request request;
  request.method = "POST";
  request.target = "/next";
  request.host = {host, 1};
  return request;
}

Request from(std::string_view origin, std::string_view host = "127.0.0.1:8000") {
  Request request = to(host);
  request.origin = {origin, 1};
  return request;
}

Request fetched(std::string_view site) {
  Request request = to("127.0.0.1:8000");
  request.sec_fetch_site = {site, 1};
  return request;
}

// 0 when the request passes.
unsigned status_of(const BrowserGuard& guard, const Request& request, bool acts = true) {
  const auto refusal = guard.check(request, acts);
  if (!refusal) return 0;
  EXPECT_EQ(refusal->code, refusal->status == 403 ? "forbidden" : "invalid");
  EXPECT_TRUE(refusal->detail.ends_with('.')) << refusal->detail;
  return refusal->status;
}

TEST(BrowserGuardTest, OnlyOwnHostsWithoutTokens) {
  const BrowserGuard guard({.listen_host = "127.0.0.1", .allowed_hosts = {"ids.example", "::5"}});
  for (const auto* own : {"127.0.0.1", "127.0.0.1:8000", "127.0.0.1:1", "localhost", "LocalHost:80",
                          "[::1]", "[::1]:8000", "ids.example", "IDS.example:443", "[::5]:1"}) {
    EXPECT_EQ(status_of(guard, to(own), true), 0U) << own;
    EXPECT_EQ(status_of(guard, to(own), false), 0U) << own;
  }
  for (const auto* other :
       {"", ":8000", "evil.example", "evil.example:8000", "localhost.evil.example",
        "evil.localhost", "localhost:8000@evil.example", "127.0.0.1.evil.example", "10.0.0.1",
        "[::2]", "[::1]x", "::1", "x.ids.example", "localhost:80:80", "127.0.0.1\\evil.example"}) {
    EXPECT_EQ(status_of(guard, to(other), true), 403U) << other;
    EXPECT_EQ(status_of(guard, to(other), false), 403U) << other;
  }
  EXPECT_EQ(status_of(guard, Request{}), 0U);
}

TEST(BrowserGuardTest, AnyAddressIsOursOnAllOfThem) {
  for (const auto* all : {"0.0.0.0", "::"}) {
    const BrowserGuard guard({.listen_host = all, .allowed_hosts = {}});
    EXPECT_EQ(status_of(guard, to("10.0.0.1:8000")), 0U);
    EXPECT_EQ(status_of(guard, to("[fe80::1]:8000")), 0U);
    EXPECT_EQ(status_of(guard, to("evil.example")), 403U);
    EXPECT_EQ(status_of(guard, to("10.0.0.1.evil.example")), 403U);
    EXPECT_EQ(status_of(guard, to("[evil.example]")), 403U);
  }
  const BrowserGuard one({.listen_host = "10.0.0.1", .allowed_hosts = {}});
  EXPECT_EQ(status_of(one, to("10.0.0.1:8000")), 0U);
  EXPECT_EQ(status_of(one, to("10.0.0.2:8000")), 403U);
}

TEST(BrowserGuardTest, WithTokensAnyHostWillDo) {
  const BrowserGuard guard({.listen_host = "0.0.0.0", .allowed_hosts = {}, .check_host = false});
  EXPECT_EQ(status_of(guard, to("ids.example")), 0U);
  EXPECT_EQ(status_of(guard, from("https://evil.example", "ids.example")), 403U);
  EXPECT_EQ(status_of(guard, from("http://ids.example", "ids.example")), 0U);
}

TEST(BrowserGuardTest, ANameWithAStarIsForAllBelowIt) {
  const BrowserGuard guard({.listen_host = "127.0.0.1", .allowed_hosts = {"*.ids.example"}});
  EXPECT_EQ(status_of(guard, to("a.ids.example")), 0U);
  EXPECT_EQ(status_of(guard, to("A.B.IDS.example:8000")), 0U);
  EXPECT_EQ(status_of(guard, to("ids.example")), 403U);
  EXPECT_EQ(status_of(guard, to(".ids.example")), 403U);
  EXPECT_EQ(status_of(guard, to("evilids.example")), 403U);
  EXPECT_EQ(status_of(guard, to("a.ids.example.evil.example")), 403U);
  EXPECT_EQ(status_of(guard, from("https://a.ids.example", "127.0.0.1")), 0U);
  EXPECT_EQ(status_of(guard, from("https://evil.example", "127.0.0.1")), 403U);
}

TEST(BrowserGuardTest, WhatABrowserFetchesAheadTakesNoId) {
  const BrowserGuard guard({.listen_host = "127.0.0.1", .allowed_hosts = {}});
  Request ahead;
  ahead.sec_purpose = {"prefetch;prerender", 1};
  EXPECT_EQ(status_of(guard, ahead), 403U);
  EXPECT_EQ(status_of(guard, ahead, false), 0U);
  ahead = {};
  ahead.purpose = {"prefetch", 1};
  EXPECT_EQ(status_of(guard, ahead), 403U);
}

TEST(BrowserGuardTest, OtherSitesMayNotAct) {
  const BrowserGuard guard({.listen_host = "127.0.0.1", .allowed_hosts = {"ids.example"}});
  EXPECT_EQ(status_of(guard, fetched("same-origin")), 0U);
  EXPECT_EQ(status_of(guard, fetched("none")), 0U);  // Typed in by the user.
  for (const auto* other : {"cross-site", "same-site", "", "Same-Origin", "new-word"}) {
    EXPECT_EQ(status_of(guard, fetched(other)), 403U) << other;
    EXPECT_EQ(status_of(guard, fetched(other), false), 0U) << other;
  }

  for (const auto* own : {"http://127.0.0.1:8000", "https://ids.example", "http://ids.example",
                          "https://IDS.example:4430"}) {
    EXPECT_EQ(status_of(guard, from(own)), 0U) << own;
  }
  for (const auto* other :
       {"null", "", "http://127.0.0.1:3000", "http://127.0.0.1", "http://localhost:8000",
        "http://evil.example", "127.0.0.1:8000", "http://127.0.0.1:8000.evil.example",
        "http://ids.example.evil.example", "http://ids.example:80:80", "https://127.0.0.1:8000",
        "ftp://ids.example"}) {
    EXPECT_EQ(status_of(guard, from(other)), 403U) << other;
    EXPECT_EQ(status_of(guard, from(other), false), 0U) << other;
  }
}

// The page of a program that has another port of this machine, or this one with TLS, is not ours.
TEST(BrowserGuardTest, AnOriginIsSchemeHostAndPort) {
  const BrowserGuard plain({.listen_host = "127.0.0.1", .allowed_hosts = {}, .check_host = false});
  const BrowserGuard tls(
      {.listen_host = "127.0.0.1", .allowed_hosts = {}, .check_host = false, .is_tls = true});
  EXPECT_EQ(status_of(plain, from("http://a:1", "a:1")), 0U);
  EXPECT_EQ(status_of(plain, from("https://a:1", "a:1")), 403U);
  EXPECT_EQ(status_of(tls, from("https://a:1", "a:1")), 0U);
  EXPECT_EQ(status_of(tls, from("http://a:1", "a:1")), 403U);
  EXPECT_EQ(status_of(plain, from("http://a:2", "a:1")), 403U);

  // Behind a proxy that speaks TLS, which says so, or whose browser does.
  auto proxied = from("https://a", "a");
  proxied.forwarded_proto = {"https", 1};
  EXPECT_EQ(status_of(plain, proxied), 0U);
  proxied.forwarded_proto = {"http", 1};
  EXPECT_EQ(status_of(plain, proxied), 403U);
  auto vouched = from("https://a", "a");
  vouched.sec_fetch_site = {"same-origin", 1};
  EXPECT_EQ(status_of(plain, vouched), 0U);
  vouched.sec_fetch_site = {"none", 1};
  EXPECT_EQ(status_of(plain, vouched), 403U);
}

// RFC 9112, 3.2.2.
TEST(BrowserGuardTest, TheHostOfTheTargetCounts) {
  const BrowserGuard guard({.listen_host = "127.0.0.1", .allowed_hosts = {}});
  auto request = to("127.0.0.1");
  for (const auto* target :
       {"http://evil.example/next", "http://evil.example", "HTTP://evil.example:80/next",
        "http://127.0.0.1@evil.example/next", "http://evil.example?a=//127.0.0.1/"}) {
    request.target = target;
    EXPECT_EQ(status_of(guard, request), 403U) << target;
  }
  request = to("evil.example");
  for (const auto* target : {"http://127.0.0.1/next", "http://localhost:8000/next?a=b"}) {
    request.target = target;
    EXPECT_EQ(status_of(guard, request), 0U) << target;
  }
  request.target = "/next?a=http://127.0.0.1/";
  EXPECT_EQ(status_of(guard, request), 403U);
  request = from("http://127.0.0.1:8000", "evil.example");
  request.target = "http://127.0.0.1:8000/next";
  EXPECT_EQ(status_of(guard, request), 0U);
}

TEST(BrowserGuardTest, WithoutTokensNoProxyIsServed) {
  const BrowserGuard guard({.listen_host = "127.0.0.1",
                            .allowed_hosts = {"ids.example"},
                            .check_host = true,
                            .refuse_proxies = true});
  const BrowserGuard other({.listen_host = "127.0.0.1", .allowed_hosts = {}, .check_host = true});
  for (const auto name : kProxyFields) {
    auto request = to("127.0.0.1");
    request.proxy_field = name;
    EXPECT_EQ(status_of(guard, request), 403U) << name;
    EXPECT_EQ(status_of(guard, request, false), 403U) << name;
    const std::string why = guard.check(request, true)->detail;
    EXPECT_NE(why.find(std::string(name)), std::string::npos) << why;
    EXPECT_NE(why.find("--tokens FILE; or start the server with --insecure"), std::string::npos);
    EXPECT_EQ(status_of(other, request), 0U) << name;
  }
}

TEST(BrowserGuardTest, BrowsersKeepToTlsButForLocalhost) {
  const BrowserGuard plain({.listen_host = "127.0.0.1", .allowed_hosts = {}});
  const BrowserGuard tls({.listen_host = "127.0.0.1", .allowed_hosts = {}, .is_tls = true});
  EXPECT_TRUE(tls.wants_only_tls(to("ids.example:8000")));
  EXPECT_FALSE(plain.wants_only_tls(to("ids.example:8000")));
  for (const auto* host : {"localhost", "LOCALHOST:8000", "a.localhost", ""}) {
    EXPECT_FALSE(tls.wants_only_tls(to(host))) << host;
  }
}

TEST(BrowserGuardTest, RepeatedFieldsAreRefused) {
  const BrowserGuard guard({.listen_host = "127.0.0.1", .allowed_hosts = {}});
  auto request = fetched("none");
  request.sec_fetch_site.count = 2;
  EXPECT_EQ(status_of(guard, request), 400U);
  request = from("http://127.0.0.1:8000");
  request.origin.count = 2;
  EXPECT_EQ(status_of(guard, request), 400U);
}

}  // namespace
}  // namespace nextid::http
