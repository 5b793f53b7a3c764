#include "base/stray_text.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>

#include "base/cat.h"

namespace nextid::base {
namespace {

struct Character {
  std::uint32_t code = 0;
  std::size_t size = 1;
  bool is_byte = false;  ///< Not UTF-8: its code is the byte.
};

/// The first one of `text`, which is not empty. Lenient: what is here need not be text at all.
Character first_of(std::string_view text) {
  const auto byte_at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](std::size_t size) {
    for (std::size_t i = 1; i < size; ++i) {
      if (i >= text.size() || (byte_at(i) & 0xC0) != 0x80) return false;
    }
    return true;
  };
  const std::uint32_t first = byte_at(0);
  const std::size_t size = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (size == 1) return {first, 1, false};
  if (first < 0xC0 || first > 0xF7 || !continues(size)) return {first, 1, true};
  std::uint32_t code = first & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) code = code << 6 | (byte_at(i) & 0x3FU);
  return {code, size, false};
}

bool is_control(const Character& c) {
  return !c.is_byte && (c.code < 0x20 || (c.code >= 0x7F && c.code < 0xA0) || c.code == 0x2028 ||
                        c.code == 0x2029);
}

struct Named {
  std::uint32_t code;
  const char* name;
};
constexpr std::array kControls{Named{0x00, "a NUL"},
                               Named{0x09, "a tab"},
                               Named{0x0A, "a line feed"},
                               Named{0x0D, "a carriage return"},
                               Named{0x1B, "an escape character"},
                               Named{0x2028, "a line separator"},
                               Named{0x2029, "a paragraph separator"}};
constexpr std::array kUnseen{Named{0x20, "a blank"}, Named{0xA0, "a no-break space"},
                             Named{0x202F, "a narrow no-break space"},
                             Named{0x3000, "an ideographic space"},
                             Named{0xFEFF, "a byte order mark"}};

/// A blank of any kind, or of no width; plain ones are found at the ends only.
bool is_unseen(const Character& c) {
  if (c.is_byte) return false;
  for (const Named& known : kUnseen) {
    if (known.code == c.code) return true;
  }
  return c.code == 0x1680 || (c.code >= 0x2000 && c.code <= 0x200D) || c.code == 0x205F ||
         c.code == 0x2060;
}

std::string with_number(const char* format, std::uint32_t code) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), format, code);
  return text.data();
}

std::string name_of(const Character& c) {
  for (const Named& known : kControls) {
    if (known.code == c.code) return known.name;
  }
  for (const Named& known : kUnseen) {
    if (known.code == c.code) return known.name;
  }
  return with_number(is_control(c) ? "the control character U+%04X" : "the blank U+%04X", c.code);
}

}  // namespace

std::optional<std::string> stray_character(std::string_view text) {
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Character c = first_of(text.substr(at));
    ++number;
    const bool is_first = at == 0;
    at += c.size;
    const bool is_last = at == text.size();
    if (!is_control(c) && !((is_first || is_last) && is_unseen(c))) continue;
    if (is_first) return cat("it begins with ", name_of(c), "; remove it");
    if (is_last) return cat("it ends in ", name_of(c), "; remove it");
    return cat("its character ", number, " is ", name_of(c), "; remove it");
  }
  return std::nullopt;
}

std::string visible(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const Character c = first_of(text);
    if (c.is_byte) {
      shown += with_number("\\x%02x", c.code);
    } else if (c.code == '\t' || c.code == '\n' || c.code == '\r') {
      shown += c.code == '\t' ? "\\t" : c.code == '\n' ? "\\n" : "\\r";
    } else if (is_control(c) || (c.code != ' ' && is_unseen(c))) {
      shown += with_number("\\u{%x}", c.code);
    } else {
      shown += text.substr(0, c.size);
    }
    text.remove_prefix(c.size);
  }
  return shown;
}

}  // namespace nextid::base
