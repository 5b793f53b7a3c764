#include "net/address.h"

#include <charconv>
#include <sys/socket.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/cat.h"

namespace nextid::net {

using base::cat;

std::string HostPort::to_string() const {
  const bool brackets = host.find(':') != std::string::npos;
  return cat(brackets ? cat("[", host, "]") : host, ":", port);
}

std::string peer_of(int descriptor) {
  boost::asio::ip::tcp::endpoint peer;
  auto size = static_cast<socklen_t>(peer.capacity());
  if (::getpeername(descriptor, peer.data(), &size) != 0) return "";
  auto address = peer.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
  }
  return HostPort{.host = address.to_string(), .port = peer.port()}.to_string();
}

bool may_be_loopback(const std::string& host) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  return error || address.is_loopback();
}

Result<HostPort> parse_host_port(std::string_view text) {
  const Error error(ErrorCode::kInvalid,
                    "it must be HOST:PORT, such as 127.0.0.1:8000, localhost:0 or [::1]:8000");
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return error;

  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return error;
  }
  const auto digits = text.substr(colon + 1);
  HostPort result{.host = std::string(host), .port = 0};
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), result.port);
  const bool whole = parsed.ec == std::errc{} && parsed.ptr == digits.data() + digits.size();
  if (host.empty() || digits.empty() || !whole) return error;
  return result;
}

}  // namespace nextid::net
