#include "http/codec/browser_guard.h"

#include <algorithm>
#include <arpa/inet.h>
#include <utility>

#include <boost/beast/core/string.hpp>

#include "base/cat.h"
#include "base/quoting.h"

namespace nextid::http {
namespace {

using base::cat;

bool equal(std::string_view a, std::string_view b) noexcept {
  return boost::beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

bool is_among(std::string_view host, const std::vector<std::string>& hosts) noexcept {
  return std::any_of(hosts.begin(), hosts.end(),
                     [&](const std::string& known) { return equal(known, host); });
}

// Whether `host` is a name that ends with one of these, which begin with a dot.
bool is_below(std::string_view host, const std::vector<std::string>& suffixes) noexcept {
  return std::any_of(suffixes.begin(), suffixes.end(), [&](const std::string& suffix) {
    return host.size() > suffix.size() && equal(host.substr(host.size() - suffix.size()), suffix);
  });
}

// Of HOST[:PORT], the part before the port; of what is no such thing, something that is no host.
std::string_view without_port(std::string_view authority) noexcept {
  const auto end = authority.starts_with('[') ? authority.find(']') : std::string_view::npos;
  const auto colon = authority.find(':', end == std::string_view::npos ? 0 : end);
  if (colon == std::string_view::npos) return authority;
  const auto port = authority.substr(colon + 1);
  const bool digits =
      std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
  return digits ? authority.substr(0, colon) : std::string_view();
}

std::string in_brackets(const std::string& host) {
  const bool ipv6 = host.find(':') != std::string::npos && !host.starts_with('[');
  return ipv6 ? cat("[", host, "]") : host;
}

// Whether `host`, as a Host field has it, is an address and no name.
bool is_address(std::string_view host) {
  in6_addr address{};
  if (host.starts_with('[') && host.ends_with(']')) {
    const std::string text(host.substr(1, host.size() - 2));
    return ::inet_pton(AF_INET6, text.c_str(), &address) == 1;
  }
  return ::inet_pton(AF_INET, std::string(host).c_str(), &address) == 1;
}

Refusal repeated(std::string_view field) {
  return invalid(cat("The field ", field, " is given more than once."));
}

}  // namespace

BrowserGuard::BrowserGuard(const Settings& settings)
    : own_hosts_{"127.0.0.1", "localhost", "[::1]", in_brackets(settings.listen_host)},
      check_host_(settings.check_host),
      any_address_is_ours_(settings.listen_host == "0.0.0.0" || settings.listen_host == "::") {
  for (const auto& host : settings.allowed_hosts) {
    if (host.starts_with("*.")) {
      allowed_suffixes_.push_back(host.substr(1));
      continue;
    }
    own_hosts_.push_back(in_brackets(host));
    allowed_hosts_.push_back(in_brackets(host));
  }
}

Refusal BrowserGuard::check(const Request& request, bool acts) const {
  if (check_host_ && request.host.count > 0) {
    if (auto refusal = check_host(request.host.value)) return refusal;
  }
  if (!acts) return std::nullopt;
  for (const Field* purpose : {&request.sec_purpose, &request.purpose}) {
    if (purpose->value.find("prefetch") == std::string_view::npos) continue;
    return forbidden("A browser asks for this before anybody wants it (Sec-Purpose: " +
                     base::printable(purpose->value) + "), and an id would be wasted.");
  }
  if (const auto& site = request.sec_fetch_site; site.count > 0) {
    if (site.count > 1) return repeated("Sec-Fetch-Site");
    if (site.value != "same-origin" && site.value != "none") {
      return forbidden(
          cat("A page of another site has a browser send this request (Sec-Fetch-Site: ",
              base::printable(site.value), "); only this server's own page may."));
    }
  }
  if (const auto& origin = request.origin; origin.count > 0) {
    if (origin.count > 1) return repeated("Origin");
    if (!is_own_origin(origin.value, request.host.value)) {
      return forbidden(cat("A page of ", base::in_quotes(origin.value),
                           " sends this request, and only this server's own page may. If a proxy "
                           "serves it under that name, allow the name with --allow-host."));
    }
  }
  return std::nullopt;
}

Refusal BrowserGuard::check_host(std::string_view authority) const {
  const auto host = without_port(authority);
  if (is_ours(host)) return std::nullopt;
  return forbidden(cat("The Host ", base::in_quotes(authority),
                       " is no name of this server, as when a web page has its own name lead here "
                       "(DNS rebinding). If it is right, allow the name with --allow-host."));
}

bool BrowserGuard::is_ours(std::string_view host) const {
  return is_among(host, own_hosts_) || is_below(host, allowed_suffixes_) ||
         (any_address_is_ours_ && is_address(host));
}

// Browsers write the authority of a page of ours in Origin as they do in Host: both or none with a
// port. "null", of pages without an origin, has no authority.
bool BrowserGuard::is_own_origin(std::string_view origin, std::string_view host) const {
  const auto scheme_end = origin.find("://");
  if (scheme_end == std::string_view::npos) return false;
  const auto authority = origin.substr(scheme_end + 3);
  return equal(authority, host) || is_among(without_port(authority), allowed_hosts_) ||
         is_below(without_port(authority), allowed_suffixes_);
}

}  // namespace nextid::http
