#include "server/repeat_limit.h"

#include <functional>
#include <string>
#include <utility>

namespace nextid::server {
namespace {

std::uint64_t kind_of(std::string_view line) {
  std::string kind;
  bool in_quotes = false;
  for (const char c : line) {
    if (c == '\'') in_quotes = !in_quotes;
    const bool is_digit = c >= '0' && c <= '9';
    if (!in_quotes && !is_digit) kind += c;
  }
  return std::hash<std::string>{}(kind);
}

}  // namespace

std::optional<std::uint64_t> RepeatLimit::pass(std::string_view line, base::MonotonicTime now) {
  if (kinds_.size() >= kMostKinds) kinds_.clear();
  Kind& kind = kinds_.try_emplace(kind_of(line), Kind{.period_begin = now}).first->second;
  if (now - kind.period_begin >= kPeriod) {
    kind.period_begin = now;
    kind.passed = 0;
  }
  if (kind.passed == kMostAlike) {
    ++kind.left_out;
    return std::nullopt;
  }
  ++kind.passed;
  return std::exchange(kind.left_out, 0);
}

}  // namespace nextid::server
