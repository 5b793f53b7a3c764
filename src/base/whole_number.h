// Numbers as text, parsed strictly: digits only.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace nextid::base {

/// Nothing for text that is no decimal number, or one out of `min` ... `max`.
inline std::optional<std::uint64_t> whole_number(std::string_view text, std::uint64_t min = 0,
                                                 std::uint64_t max = UINT64_MAX) noexcept {
  const bool digits = !text.empty() && std::all_of(text.begin(), text.end(),
                                                   [](char c) { return c >= '0' && c <= '9'; });
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (!digits || parsed.ec != std::errc{} || value < min || value > max) return std::nullopt;
  return value;
}

}  // namespace nextid::base
