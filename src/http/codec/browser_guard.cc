#include "http/codec/browser_guard.h"

#include <algorithm>
#include <arpa/inet.h>
#include <optional>
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

// Whom the request is for: what an absolute target says counts (RFC 9112, 3.2.2). Nothing where
// HTTP/1.0 says nothing.
std::optional<std::string_view> authority_of(const Request& request) {
  const auto scheme_end = request.target.find("://");
  if (request.target.starts_with('/') || scheme_end == std::string_view::npos) {
    return request.host.count > 0 ? std::optional(request.host.value) : std::nullopt;
  }
  const auto rest = request.target.substr(scheme_end + 3);
  return rest.substr(0, rest.find_first_of("/?#"));
}

Refusal repeated(std::string_view field) {
  return invalid(cat("The field ", field, " is given more than once."));
}

}  // namespace

BrowserGuard::BrowserGuard(const Settings& settings)
    : own_hosts_{"127.0.0.1", "localhost", "[::1]", in_brackets(settings.listen_host)},
      check_host_(settings.check_host),
      refuse_proxies_(settings.refuse_proxies),
      any_address_is_ours_(settings.listen_host == "0.0.0.0" || settings.listen_host == "::"),
      own_scheme_(settings.is_tls ? "https" : "http") {
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
  if (refuse_proxies_ && !request.proxy_field.empty()) {
    return forbidden(
        cat("A proxy sends this (it has the field ", request.proxy_field,
            "), and without tokens everyone whom it lets in may do everything. Give clients tokens "
            "with --tokens FILE; or start the server with --insecure if the proxy keeps others "
            "out."));
  }
  const auto authority = authority_of(request);
  if (check_host_ && authority) {
    if (auto refusal = check_host(*authority)) return refusal;
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
  return check_origin(request, authority.value_or(""));
}

Refusal BrowserGuard::check_origin(const Request& request, std::string_view authority) const {
  const auto& origin = request.origin;
  if (origin.count == 0) return std::nullopt;
  if (origin.count > 1) return repeated("Origin");
  if (is_own_origin(request, authority)) return std::nullopt;
  return forbidden(cat("A page of ", base::in_quotes(origin.value),
                       " sends this request, and only this server's own page may. If a proxy "
                       "serves it under that name, allow the name with --allow-host."));
}

bool BrowserGuard::wants_only_tls(const Request& request) const {
  if (own_scheme_ != "https") return false;
  const auto host = without_port(authority_of(request).value_or(""));
  return !host.empty() && !equal(host, "localhost") && !host.ends_with(".localhost");
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
bool BrowserGuard::is_own_origin(const Request& request, std::string_view authority) const {
  const std::string_view origin = request.origin.value;
  const auto scheme_end = origin.find("://");
  if (scheme_end == std::string_view::npos) return false;
  const auto scheme = origin.substr(0, scheme_end);
  const auto page = origin.substr(scheme_end + 3);
  if (is_among(without_port(page), allowed_hosts_) ||
      is_below(without_port(page), allowed_suffixes_)) {
    return scheme == "https" || scheme == "http";
  }
  // No page can set these two fields of a request to another origin.
  const bool is_our_scheme = scheme == own_scheme_ || scheme == request.forwarded_proto.value ||
                             (scheme == "https" && request.sec_fetch_site.value == "same-origin");
  return is_our_scheme && equal(page, authority);
}

}  // namespace nextid::http
