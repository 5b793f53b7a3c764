// The two kinds of time. Parts such as the engine are handed them and read no clock, so tests
// choose the time.
#pragma once

#include <chrono>
#include <cstdint>

namespace nextid::base {

using MonotonicTime = std::chrono::steady_clock::time_point;
/// Microseconds since 1970-01-01 UTC. May jump.
using WallMicros = std::uint64_t;

inline MonotonicTime monotonic_now() noexcept { return std::chrono::steady_clock::now(); }

inline WallMicros wall_now_us() noexcept {
  using std::chrono::duration_cast;
  return static_cast<WallMicros>(
      duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count());
}

}  // namespace nextid::base
