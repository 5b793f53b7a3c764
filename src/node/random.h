// Numbers that must never come again, in any process.
#pragma once

#include <cstdint>
#include <random>

namespace nextid::node {

/// 64 bits from the system. Thread-safe.
inline std::uint64_t random_bits() {
  // Making one asks the processor what it can do, which takes ten microseconds in a virtual
  // machine.
  thread_local std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}

}  // namespace nextid::node
