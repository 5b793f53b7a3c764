// Linked into a program, it counts calls of operator new. Its own file, so that no compiler sees
// that new is malloc and warns of a delete.
#pragma once

#include <cstdint>

namespace nextid::testing {

/// Of all threads that do not leave themselves out.
std::uint64_t allocations() noexcept;

/// While it lives, those of its thread are not counted.
class NotCounted {
 public:
  NotCounted() noexcept;
  ~NotCounted();
  NotCounted(const NotCounted&) = delete;
  NotCounted& operator=(const NotCounted&) = delete;
};

}  // namespace nextid::testing
