#include "protocol/http_problem.h"

#include <utility>

namespace nextid::protocol {
namespace {

unsigned status_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kInvalid:
      return 400;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kConflict:
    case ErrorCode::kExhausted:
      return 409;
    case ErrorCode::kCorrupt:
      return 500;
    case ErrorCode::kOverloaded:
    case ErrorCode::kUnavailable:
      return 503;
    case ErrorCode::kDeadline:
      return 504;
  }
  return 500;
}

}  // namespace

Problem invalid(std::string sentence) { return {.detail = std::move(sentence)}; }

Problem forbidden(std::string sentence) {
  return {.status = 403, .code = "forbidden", .detail = std::move(sentence)};
}

Problem problem_of(const Error& error) {
  return {
      .status = status_of(error.code()), .code = to_string(error.code()), .detail = error.what()};
}

std::string printable(std::string_view bytes, std::size_t max_bytes) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  const bool cut = bytes.size() > max_bytes;
  std::string text;
  for (const char c : bytes.substr(0, max_bytes)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      text += c;
    } else {
      text += "\\x";
      text += kHex[byte >> 4];
      text += kHex[byte & 0xf];
    }
  }
  if (cut) text += "...";
  return text;
}

std::string in_quotes(std::string_view bytes) { return "'" + printable(bytes) + "'"; }

}  // namespace nextid::protocol
