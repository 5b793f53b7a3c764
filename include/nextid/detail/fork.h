// Not for embedding programs: what inline functions of the public headers need.
#pragma once

#include <atomic>
#include <cstdint>

namespace nextid::detail {

/// Grows by one in each child at fork(); the parent keeps its number.
extern std::atomic<std::uint64_t> fork_generation;

}  // namespace nextid::detail
