// How often the store is asked to keep a record that nobody waits for.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace nextid::node {

/// The pauses between attempts: from kShortest on they double with each failure in a row, up to
/// kLongest; each is shortened by up to a half, by chance, so that nodes do not keep step.
class RecordPace {
 public:
  static constexpr std::chrono::milliseconds kShortest{1'000};
  static constexpr std::chrono::milliseconds kLongest{30'000};

  void failed() noexcept { pause_ = std::min(2 * pause_, kLongest); }
  void succeeded() noexcept { pause_ = kShortest; }
  /// `chance` is any random number.
  std::chrono::milliseconds pause(std::uint64_t chance) const noexcept {
    const auto half = static_cast<std::uint64_t>(pause_.count()) / 2;
    return pause_ - std::chrono::milliseconds(static_cast<std::int64_t>(chance % (half + 1)));
  }

 private:
  std::chrono::milliseconds pause_ = kShortest;
};

}  // namespace nextid::node
