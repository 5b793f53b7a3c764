// A run of ids held.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/canary.h"

namespace nextid::engine {

/// `count` ids from `first` on, on the counter's stride; the counter's value was `before` before
/// they were reserved, and `end` after. A block adjoins another if its `before` is the other's
/// `end`: then the two are one run (I4). When the block is given back whole, the value falls to
/// `before`. Another node's block may end there and go back, too, but the value never falls below
/// `kept_before`.
struct Block {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  std::int64_t before = 0;
  std::int64_t end = 0;
  std::int64_t kept_before = 0;

  bool empty() const noexcept { return count == 0; }

  /// Takes up to `taken` ids off the front; returns how many.
  std::uint64_t drop_front(std::uint64_t taken, std::uint64_t increment) noexcept {
    taken = std::min(taken, count);
    if (taken == 0) return 0;
    first += taken * increment;
    count -= taken;
    // A foreign add may have put `before` off the stride: it is a value that the counter may go
    // back to, and must not be below an id that was handed out (I7).
    if (base::canary(base::Canary::kGivesBackTakenIds)) return taken;
    before = static_cast<std::int64_t>(first - increment);
    kept_before = before;
    return taken;
  }
};

}  // namespace nextid::engine
