#include "unit/server/http_client.h"

#include <array>
#include <sys/socket.h>
#include <sys/time.h>

#include <boost/asio/ip/address.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace nextid::testing {

namespace asio = boost::asio;

std::string HttpAnswer::json(std::string_view member) const {
  const auto value = boost::json::parse(boost::json::string_view(body.data(), body.size()));
  const auto* found =
      value.as_object().if_contains(boost::json::string_view(member.data(), member.size()));
  return found == nullptr ? "" : boost::json::serialize(*found);
}

std::string get(std::string_view target) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
}

std::string with_body(std::string_view method, std::string_view target, std::string_view body) {
  return std::string(method) + " " + std::string(target) +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

HttpClient::HttpClient(std::uint16_t port) {
  socket_.connect({asio::ip::make_address("127.0.0.1"), port});
  const timeval limit{10, 0};
  ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  set_send_limit(std::chrono::seconds(10));
}

void HttpClient::set_send_limit(std::chrono::milliseconds limit) {
  const timeval time{limit.count() / 1000, limit.count() % 1000 * 1000};
  ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
}

bool HttpClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto size = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
  return true;
}

// Appends what comes next; false at the end, or when nothing comes in time.
bool HttpClient::fill() {
  std::array<char, 64 * 1024> bytes;
  const auto size = ::recv(socket_.native_handle(), bytes.data(), bytes.size(), 0);
  if (size > 0) buffer_.append(bytes.data(), static_cast<std::size_t>(size));
  return size > 0;
}

HttpAnswer HttpClient::read(bool with_body) {
  std::size_t head_size = std::string::npos;
  while ((head_size = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return {};
  }
  HttpAnswer answer;
  answer.head = buffer_.substr(0, head_size + 2);
  buffer_.erase(0, head_size + 4);
  answer.status = static_cast<unsigned>(std::stoul(answer.head.substr(9, 3)));
  const std::string field = "Content-Length: ";
  const auto at = answer.head.find(field);
  if (!with_body || at == std::string::npos) return answer;
  const auto body_size = std::stoul(answer.head.substr(at + field.size()));
  while (buffer_.size() < body_size) {
    if (!fill()) return {};
  }
  answer.body = buffer_.substr(0, body_size);
  buffer_.erase(0, body_size);
  return answer;
}

std::string HttpClient::read_bytes(std::size_t size) {
  while (buffer_.size() < size && fill()) {
  }
  std::string bytes = buffer_.substr(0, size);
  buffer_.erase(0, bytes.size());
  return bytes;
}

std::string HttpClient::read_line() {
  while (buffer_.find('\n') == std::string::npos) {
    if (!fill()) return {};
  }
  return read_bytes(buffer_.find('\n') + 1);
}

bool HttpClient::reads_end() {
  std::array<char, 64 * 1024> bytes;
  for (;;) {
    const auto size = ::recv(socket_.native_handle(), bytes.data(), bytes.size(), 0);
    if (size == 0 || (size < 0 && errno == ECONNRESET)) return true;
    if (size < 0) return false;
  }
}

void HttpClient::half_close() { ::shutdown(socket_.native_handle(), SHUT_WR); }

void HttpClient::reset() {
  socket_.set_option(asio::socket_base::linger(true, 0));
  socket_.close();
}

void HttpClient::shrink_receive_buffer() {
  socket_.set_option(asio::socket_base::receive_buffer_size(4096));
}

}  // namespace nextid::testing
