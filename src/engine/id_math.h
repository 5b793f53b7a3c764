// Ids and values of a counter, as its definition relates them.
//
// Ids are on the counter's stride: start, start + increment, and so on. Its value need not be: it
// is below start before the first id, and a foreign add may have moved it off the stride.
#pragma once

#include <cstdint>

#include "nextid/counter.h"

namespace nextid::engine {

/// How many ids fit above `value`. The difference is exact in unsigned arithmetic even where the
/// signed one would overflow.
inline std::uint64_t room_above(std::int64_t value, const Definition& definition) noexcept {
  const auto max = static_cast<std::int64_t>(definition.max);
  if (value >= max) return 0;
  return (static_cast<std::uint64_t>(max) - static_cast<std::uint64_t>(value)) /
         definition.increment;
}

/// The last id that is not above `value`; the value must have reached an id.
inline std::uint64_t last_id(std::int64_t value, const Definition& definition) noexcept {
  const std::uint64_t above_start = static_cast<std::uint64_t>(value) - definition.start;
  return static_cast<std::uint64_t>(value) - above_start % definition.increment;
}

/// How many ids are in (before, end].
inline std::uint64_t ids_between(std::int64_t before, std::int64_t end,
                                 const Definition& definition) noexcept {
  const auto reached = [&definition](std::int64_t value) -> std::uint64_t {
    if (value < static_cast<std::int64_t>(definition.start)) return 0;
    return (static_cast<std::uint64_t>(value) - definition.start) / definition.increment + 1;
  };
  return reached(end) - reached(before);
}

}  // namespace nextid::engine
