// A service's own words, made fit for a line of the log.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/quoting.h"

namespace nextid::http_client {

/// Printable, and of limited length.
inline std::string service_words(std::string_view text) {
  constexpr std::size_t kMaxBytes = 300;
  return base::printable(text, kMaxBytes);
}

}  // namespace nextid::http_client
