// Ids and ranges: the values that nextid hands out.
#pragma once

#include <cstdint>
#include <limits>

namespace nextid {

/// Ids are 1 ... kMaxId (2^63 - 1), so that they fit signed 64-bit columns everywhere.
inline constexpr std::uint64_t kMaxId = std::numeric_limits<std::int64_t>::max();

/// A run of neighbouring ids of one counter: start, start + increment, ... end, both inclusive
/// (I4).
class IdRange {
 public:
  IdRange() = default;

  /// Requires count >= 1 and start + (count - 1) * increment <= kMaxId.
  IdRange(std::uint64_t start, std::uint64_t count, std::uint64_t increment) noexcept
      : start_(start), count_(count), increment_(increment) {}

  std::uint64_t start() const noexcept { return start_; }
  std::uint64_t end() const noexcept { return start_ + (count_ - 1) * increment_; }
  std::uint64_t count() const noexcept { return count_; }
  /// Distance between neighbouring ids; 1 unless the counter is defined otherwise.
  std::uint64_t increment() const noexcept { return increment_; }

  friend bool operator==(const IdRange&, const IdRange&) = default;

 private:
  std::uint64_t start_ = 1;
  std::uint64_t count_ = 1;
  std::uint64_t increment_ = 1;
};

}  // namespace nextid
