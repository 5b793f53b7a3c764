// What a store keeps of a request that came with an idempotency key.
#pragma once

#include <cstdint>

#include "nextid/id_range.h"

namespace nextid::contract {

/// The ids that a key on a counter stands for. A record whose time is over counts as absent
/// everywhere, whenever the store removes it.
struct IdempotencyRecord {
  IdRange range;
  std::int64_t expires_s = 0;  ///< Seconds since 1970; over as soon as the store's clock shows it.
  std::uint64_t owner = 0;     ///< A random number of the request that made it.

  friend bool operator==(const IdempotencyRecord&, const IdempotencyRecord&) = default;
};

/// The time that records are measured by, of a wall clock that shows `now_us`.
inline std::int64_t whole_seconds(std::uint64_t now_us) noexcept {
  return static_cast<std::int64_t>(now_us / 1'000'000);
}

/// True when the record counts as absent at `now_us`, a time of the store's wall clock.
inline bool is_over(const IdempotencyRecord& record, std::uint64_t now_us) noexcept {
  return record.expires_s <= whole_seconds(now_us);
}

}  // namespace nextid::contract
