#include "base/quoting.h"

#include "base/cat.h"

namespace nextid::base {

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

std::string in_quotes(std::string_view bytes, std::size_t max_bytes) {
  std::string text = printable(bytes, max_bytes);
  for (auto at = text.find('\''); at != std::string::npos; at = text.find('\'', at)) {
    text.replace(at, 1, "\\x27");
  }
  return cat("'", text, "'");
}

}  // namespace nextid::base
