#include "http_client/secret_travel.h"

#include <algorithm>
#include <string>

#include <boost/url/ipv4_address.hpp>
#include <boost/url/ipv6_address.hpp>

#include "base/ascii.h"

namespace nextid::http_client {
namespace {

bool is_in_brackets(std::string_view host) { return host.starts_with('[') && host.ends_with(']'); }

boost::system::result<boost::urls::ipv6_address> ipv6_of(std::string_view host) {
  return boost::urls::parse_ipv6_address(host.substr(1, host.size() - 2));
}

bool is_same_address(std::string_view host, std::string_view service) {
  if (host == service) return true;
  if (!is_in_brackets(host) || !is_in_brackets(service)) return false;
  const auto one = ipv6_of(host);
  const auto other = ipv6_of(service);
  return one && other && *one == *other;
}

}  // namespace

bool is_this_machine(const Url& url) {
  if (const auto address = boost::urls::parse_ipv4_address(url.host)) return address->is_loopback();
  if (is_in_brackets(url.host)) {
    const auto address = ipv6_of(url.host);
    return address && address->is_loopback();
  }
  return base::to_lower(url.host) == "localhost";
}

bool may_carry_secrets(const Url& url, std::initializer_list<std::string_view> services) {
  return url.scheme == "https" || is_this_machine(url) ||
         std::any_of(services.begin(), services.end(),
                     [&](std::string_view service) { return is_same_address(url.host, service); });
}

}  // namespace nextid::http_client
