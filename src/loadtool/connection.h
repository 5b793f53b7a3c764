// A blocking connection of one client of a load.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "nextid/error.h"

#include "net/address.h"

namespace nextid::loadtool {

inline constexpr std::chrono::seconds kAnswerLimit{30};

class Connection {
 public:
  /// kUnavailable: nobody answers there.
  Result<void> open(const net::HostPort& address);
  Result<void> send(std::string_view bytes);
  /// All up to and with the next `end`, and so many bytes more; valid until the next call.
  Result<std::string_view> receive_until(std::string_view end);
  Result<std::string_view> receive(std::size_t bytes);

 private:
  Result<void> fill();
  std::string_view take(std::size_t bytes);
  Error failure(const boost::system::error_code& error) const;

  boost::asio::io_context context_;
  boost::asio::ip::tcp::socket socket_{context_};
  std::string address_;
  std::string input_;
  std::size_t taken_ = 0;  // Of input_.
};

}  // namespace nextid::loadtool
