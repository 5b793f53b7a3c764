// How ids are written.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace nextid::http {

enum class IdFormat : std::uint8_t {
  kNumber,
  kText,  ///< A string of digits, since JavaScript's numbers are exact only to 2^53.
};

/// From what callers write: "number", "string".
constexpr std::optional<IdFormat> parse_id_format(std::string_view text) noexcept {
  if (text == "number") return IdFormat::kNumber;
  if (text == "string") return IdFormat::kText;
  return std::nullopt;
}

}  // namespace nextid::http
