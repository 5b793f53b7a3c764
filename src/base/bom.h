// The mark that some editors put before text.
#pragma once

#include <string_view>

namespace nextid::base {

/// UTF-8's byte order mark, which says nothing (RFC 3629, 6).
inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// `text` without one at its front.
constexpr std::string_view without_bom(std::string_view text) noexcept {
  return text.starts_with(kByteOrderMark) ? text.substr(kByteOrderMark.size()) : text;
}

}  // namespace nextid::base
