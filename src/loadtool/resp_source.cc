#include <charconv>
#include <cstddef>
#include <optional>

#include "base/cat.h"
#include "loadtool/connection.h"
#include "loadtool/id_source.h"

namespace nextid::loadtool {
namespace {

using base::cat;

std::string command(std::initializer_list<std::string_view> words) {
  std::string bytes = cat("*", words.size(), "\r\n");
  for (const std::string_view word : words) {
    bytes += cat("$", word.size(), "\r\n", word, "\r\n");
  }
  return bytes;
}

class RespSource final : public IdSource {
 public:
  Result<void> connect(const Target& target) {
    request_ = command({"INCR", target.counter});
    if (auto opened = connection_.open(target.address); !opened) return opened;
    if (target.token.empty()) return {};
    if (auto sent = connection_.send(command({"AUTH", target.token})); !sent) return sent;
    const auto line = connection_.receive_until("\r\n");
    if (!line) return line.error();
    if (*line == "+OK\r\n") return {};
    return Error(ErrorCode::kInvalid, "The server answered AUTH with " + without_end(*line));
  }

  Result<void> take(std::size_t count, std::vector<std::uint64_t>& ids) override {
    pipeline_.clear();
    for (std::size_t i = 0; i < count; ++i) pipeline_ += request_;
    if (const auto sent = connection_.send(pipeline_); !sent) return sent;
    std::optional<Error> first_failure;
    for (std::size_t i = 0; i < count; ++i) {
      const auto line = connection_.receive_until("\r\n");
      if (!line) return line.error();
      std::uint64_t id = 0;
      const auto parsed = std::from_chars(line->data() + 1, line->data() + line->size(), id);
      if (line->front() == ':' && parsed.ec == std::errc{}) {
        ids.push_back(id);
      } else if (!first_failure) {
        first_failure = Error(ErrorCode::kInvalid, "The server answered " + without_end(*line));
      }
    }
    if (first_failure) return *first_failure;
    return {};
  }

 private:
  static std::string without_end(std::string_view line) {
    return std::string(line.substr(0, line.size() - 2));
  }

  Connection connection_;
  std::string request_;
  std::string pipeline_;
};

}  // namespace

Result<std::unique_ptr<IdSource>> connect_resp(const Target& target) {
  auto source = std::make_unique<RespSource>();
  if (const auto connected = source->connect(target); !connected) return connected.error();
  return std::unique_ptr<IdSource>(std::move(source));
}

}  // namespace nextid::loadtool
