// The one source of chance of a simulated world: the same seed makes the same world, on every
// machine and with every standard library.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace nextid::simulation {

/// SplitMix64 (Steele, Lea, Flood 2014). Not std::uniform_int_distribution, whose algorithm is the
/// library's own.
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t next() noexcept {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }

  /// 0 ... bound - 1; 0 for a bound of 0. The bias of the remainder does not matter here.
  std::uint64_t below(std::uint64_t bound) noexcept { return bound == 0 ? 0 : next() % bound; }

  /// low ... high, both inclusive.
  std::uint64_t between(std::uint64_t low, std::uint64_t high) noexcept {
    return low + below(high - low + 1);
  }

  /// low ... high, each order of magnitude as likely as the others; low is 1 or more.
  std::uint64_t between_orders(std::uint64_t low, std::uint64_t high) noexcept {
    const auto bits = static_cast<std::uint64_t>(std::bit_width(high) - std::bit_width(low));
    const std::uint64_t from = low << below(bits + 1);
    return std::min(high, between(from, std::max(from, 2 * from - 1)));
  }

  /// True so many times in a thousand.
  bool chance(std::uint64_t per_mille) noexcept {
    return per_mille > 0 && below(1'000) < per_mille;
  }

  std::uint64_t pick(std::initializer_list<std::uint64_t> values) noexcept {
    return values.begin()[below(values.size())];
  }

 private:
  std::uint64_t state_;
};

}  // namespace nextid::simulation
