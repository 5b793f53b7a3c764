// What a service said, as far as a line of a log takes it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/quoting.h"

namespace nextid::aws {

/// Printable, and with an end.
inline std::string service_words(std::string_view text) {
  constexpr std::size_t kMaxBytes = 300;
  return base::printable(text, kMaxBytes);
}

}  // namespace nextid::aws
