// The running of this machine since its last start.
#pragma once

#include <cstdint>
#include <string>

namespace nextid::store {

/// The number of this boot (random(4)): 36 characters, or "-" where the system tells none.
const std::string& this_boot();

/// The first 64 bits of it; 0 where the system tells none.
std::uint64_t boot_number() noexcept;

/// Microseconds since the start, while it slept included. Nobody can set this clock.
std::uint64_t boot_now_us() noexcept;

}  // namespace nextid::store
