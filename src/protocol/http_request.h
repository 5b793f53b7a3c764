// The parts of an HTTP request that calls depend on.
#pragma once

#include <cstdint>
#include <string_view>

namespace nextid::protocol {

struct HttpRequest {
  std::string_view method;
  std::string_view target;
  bool http_1_0 = false;
  bool keep_alive = true;
  std::uint64_t body_bytes = 0;  ///< Bodies are counted and dropped: no call takes one.
};

}  // namespace nextid::protocol
