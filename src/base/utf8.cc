#include "base/utf8.h"

#include <cstddef>
#include <cstdint>

namespace nextid::base {
namespace {

struct Form {
  unsigned char mask;
  unsigned char lead;
  std::size_t more;
  std::uint32_t least;  // What a shorter form can't hold.
};

constexpr Form kForms[] = {
    {0x80, 0x00, 0, 0}, {0xE0, 0xC0, 1, 0x80}, {0xF0, 0xE0, 2, 0x800}, {0xF8, 0xF0, 3, 0x10000}};

/// The bytes of the character at the front, or 0 if there is none.
std::size_t character_size(std::string_view bytes) noexcept {
  const auto first = static_cast<unsigned char>(bytes.front());
  for (const Form& form : kForms) {
    if ((first & form.mask) != form.lead) continue;
    if (bytes.size() <= form.more) return 0;
    std::uint32_t character = first & static_cast<unsigned char>(~form.mask);
    for (std::size_t i = 1; i <= form.more; ++i) {
      const auto byte = static_cast<unsigned char>(bytes[i]);
      if ((byte & 0xC0) != 0x80) return 0;
      character = character << 6 | (byte & 0x3FU);
    }
    const bool surrogate = character >= 0xD800 && character <= 0xDFFF;
    return character < form.least || surrogate || character > 0x10FFFF ? 0 : form.more + 1;
  }
  return 0;
}

}  // namespace

bool is_utf8(std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const std::size_t size = character_size(bytes);
    if (size == 0) return false;
    bytes.remove_prefix(size);
  }
  return true;
}

}  // namespace nextid::base
