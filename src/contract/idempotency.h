// What a store keeps of a request that came with an idempotency key.
#pragma once

#include <cstdint>
#include <string>

#include "nextid/id_range.h"

namespace nextid::contract {

/// The ids that a key on a counter stands for. An expired record counts as absent everywhere, even
/// before the store removes it.
struct IdempotencyRecord {
  IdRange range;
  std::int64_t expires_s = 0;  ///< Seconds since 1970, by the store's clock: expired then.
  std::uint64_t owner = 0;     ///< A random number of the request that made it.

  friend bool operator==(const IdempotencyRecord&, const IdempotencyRecord&) = default;
};

/// What a store keeps the keys of a counter and a scope under: "orders" without a scope, else
/// "@shop/orders". No counter name has an "@" or a "/", nor has a scope: so no two pairs share one,
/// and none is what a version without scopes had.
inline std::string key_space(const std::string& counter, const std::string& scope) {
  return scope.empty() ? counter : "@" + scope + "/" + counter;
}

/// The unit of expires_s: the whole seconds of a wall clock that shows `now_us`.
inline std::int64_t whole_seconds(std::uint64_t now_us) noexcept {
  return static_cast<std::int64_t>(now_us / 1'000'000);
}

/// True when the record has expired at `now_us`, a time of the store's wall clock.
inline bool is_over(const IdempotencyRecord& record, std::uint64_t now_us) noexcept {
  return record.expires_s <= whole_seconds(now_us);
}

}  // namespace nextid::contract
