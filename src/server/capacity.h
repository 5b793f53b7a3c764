// How many connections the descriptors of the process are enough for.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nextid::server {

struct Capacity {
  std::size_t connections = 1;
  /// Further ones, which are told that they are too many, of each front end.
  std::size_t refusals = 1;
};

/// For at most `wanted` connections. `free_descriptors` are those that are left beside what the
/// process has and what it must be able to open. At least 1 of each.
Capacity capacity_for(std::size_t wanted, std::uint64_t free_descriptors, std::size_t front_ends);

/// The `free_descriptors` now, before `threads` that serve clients have begun.
std::uint64_t free_descriptors(std::size_t threads);

}  // namespace nextid::server
