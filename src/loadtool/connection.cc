#include "loadtool/connection.h"

#include <array>
#include <sys/socket.h>
#include <sys/time.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/write.hpp>

#include "base/cat.h"

namespace nextid::loadtool {

using base::cat;
using boost::asio::ip::tcp;
using boost::system::error_code;

Error Connection::failure(const error_code& error) const {
  return Error(ErrorCode::kUnavailable, cat(address_, ": ", error.message(), "."));
}

Result<void> Connection::open(const net::HostPort& address) {
  address_ = address.to_string();
  error_code error;
  const auto found = tcp::resolver(context_).resolve(address.host, std::to_string(address.port),
                                                     tcp::resolver::numeric_service, error);
  if (!error) boost::asio::connect(socket_, found, error);
  if (error) return failure(error);
  socket_.set_option(tcp::no_delay(true), error);
  const timeval limit{.tv_sec = kAnswerLimit.count(), .tv_usec = 0};
  ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  return {};
}

Result<void> Connection::send(std::string_view bytes) {
  error_code error;
  boost::asio::write(socket_, boost::asio::buffer(bytes.data(), bytes.size()), error);
  if (error) return failure(error);
  return {};
}

// With the system's call, since Asio's would wait past the socket's limit.
Result<void> Connection::fill() {
  input_.erase(0, taken_);
  taken_ = 0;
  std::array<char, 16 * 1024> bytes;
  const ssize_t size = ::recv(socket_.native_handle(), bytes.data(), bytes.size(), 0);
  if (size < 0) return failure(error_code(errno, boost::system::system_category()));
  if (size == 0) {
    return Error(ErrorCode::kUnavailable, address_ + " closed the connection in mid-answer.");
  }
  input_.append(bytes.data(), static_cast<std::size_t>(size));
  return {};
}

std::string_view Connection::take(std::size_t bytes) {
  const std::string_view found = std::string_view(input_).substr(taken_, bytes);
  taken_ += bytes;
  return found;
}

Result<std::string_view> Connection::receive_until(std::string_view end) {
  for (;;) {
    const auto at = input_.find(end, taken_);
    if (at != std::string::npos) return take(at + end.size() - taken_);
    if (const auto filled = fill(); !filled) return filled.error();
  }
}

Result<std::string_view> Connection::receive(std::size_t bytes) {
  while (input_.size() - taken_ < bytes) {
    if (const auto filled = fill(); !filled) return filled.error();
  }
  return take(bytes);
}

}  // namespace nextid::loadtool
