#include <charconv>
#include <cstddef>
#include <optional>

#include "base/cat.h"
#include "loadtool/connection.h"
#include "loadtool/id_source.h"

namespace nextid::loadtool {
namespace {

using base::cat;

// The number after `before`; nothing where there is none.
std::optional<std::uint64_t> number_after(std::string_view text, std::string_view before) {
  const auto at = text.find(before);
  if (at == std::string_view::npos) return std::nullopt;
  std::uint64_t number = 0;
  const auto parsed =
      std::from_chars(text.data() + at + before.size(), text.data() + text.size(), number);
  if (parsed.ec != std::errc{}) return std::nullopt;
  return number;
}

/// Knows the answers of nextid, and of nothing else.
class HttpSource final : public IdSource {
 public:
  Result<void> connect(const Target& target) {
    request_ = cat("GET /v1/counters/", target.counter,
                   "/next HTTP/1.1\r\nHost: ", target.address.to_string(), "\r\n");
    if (!target.token.empty()) request_ += cat("Authorization: Bearer ", target.token, "\r\n");
    request_ += "\r\n";
    return connection_.open(target.address);
  }

  Result<void> take(std::size_t count, std::vector<std::uint64_t>& ids) override {
    pipeline_.clear();
    for (std::size_t i = 0; i < count; ++i) pipeline_ += request_;
    if (const auto sent = connection_.send(pipeline_); !sent) return sent;
    std::optional<Error> first_failure;
    for (std::size_t i = 0; i < count; ++i) {
      const auto id = receive_id();
      if (id) {
        ids.push_back(*id);
      } else {
        if (!first_failure) first_failure = id.error();
        if (id.error().code() == ErrorCode::kUnavailable) break;  // No more answers will come.
      }
    }
    if (first_failure) return *first_failure;
    return {};
  }

 private:
  Result<std::uint64_t> receive_id() {
    const auto head = connection_.receive_until("\r\n\r\n");
    if (!head) return head.error();
    const bool ok = head->starts_with("HTTP/1.1 200 ");
    const std::string status(head->substr(0, head->find('\r')));
    const auto size = number_after(*head, "\r\nContent-Length: ");
    if (!size) {
      return Error(ErrorCode::kUnavailable, cat("This is no answer of nextid: '", status, "'."));
    }
    const auto body = connection_.receive(*size);
    if (!body) return body.error();
    const auto id = number_after(*body, "{\"id\":");
    if (ok && id) return *id;
    return Error(ErrorCode::kInvalid, cat("The server answered '", status, "': ", *body));
  }

  Connection connection_;
  std::string request_;
  std::string pipeline_;
};

}  // namespace

Result<std::unique_ptr<IdSource>> connect_http(const Target& target) {
  auto source = std::make_unique<HttpSource>();
  if (const auto connected = source->connect(target); !connected) return connected.error();
  return std::unique_ptr<IdSource>(std::move(source));
}

}  // namespace nextid::loadtool
