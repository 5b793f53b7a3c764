#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/cat.h"
#include "doctor/checks.h"

namespace nextid::doctor {
namespace {

using base::cat;
using boost::asio::ip::tcp;
using boost::system::error_code;

/// As net::Listener does it.
error_code try_to_listen(const net::HostPort& address) {
  boost::asio::io_context context;
  error_code error;
  const auto found = tcp::resolver(context).resolve(
      address.host, std::to_string(address.port),
      tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error) return error;
  for (const auto& entry : found) {
    tcp::acceptor acceptor(context);
    acceptor.open(entry.endpoint().protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(entry.endpoint(), error);
    if (!error) acceptor.listen(1, error);
    if (!error) break;
  }
  return error;
}

}  // namespace

Findings check_port(const net::HostPort& address, std::string_view option) {
  const std::string subject(option);
  const std::string name = address.to_string();
  const std::string flag = "--" + subject;
  const error_code error = try_to_listen(address);
  if (!error) return {ok(subject, name + " is free.")};
  if (error == boost::asio::error::address_in_use) {
    return {warn(subject, cat(name,
                              " is in use. If not by nextid itself, stop the program that has it, "
                              "or choose another with ",
                              flag, "."))};
  }
  if (error == boost::asio::error::access_denied) {
    return {fail(subject, cat(name, " is not for this user: choose a port from 1024 on with ", flag,
                              ", or have systemd open it (nextid.socket)."))};
  }
  return {fail(subject, cat(name, " can't be listened on: ", error.message(),
                            ". Choose an address of this machine with ", flag, "."))};
}

}  // namespace nextid::doctor
