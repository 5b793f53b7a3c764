// Secrets leave memory when they are no longer needed.
#pragma once

#include <cstddef>
#include <string.h>  // explicit_bzero() is the C library's.
#include <string>

namespace nextid::base {

/// Zeroes that no optimiser leaves out (explicit_bzero(3)).
inline void wipe(char* bytes, std::size_t size) noexcept { ::explicit_bzero(bytes, size); }

/// The text is empty then, and its memory has nothing of it.
inline void wipe(std::string& text) noexcept {
  wipe(text.data(), text.size());
  text.clear();
}

}  // namespace nextid::base
