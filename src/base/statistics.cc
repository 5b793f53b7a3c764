// The few lines behind the plain types of nextid/statistics.h.
#include "nextid/statistics.h"

#include <algorithm>
#include <numeric>

namespace nextid {

std::uint64_t Durations::total() const noexcept {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

Durations& Durations::operator+=(const Durations& other) noexcept {
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
  sum_us += other.sum_us;
  return *this;
}

std::size_t duration_bucket(std::uint64_t duration_us) noexcept {
  const auto bound =
      std::lower_bound(kDurationBoundsUs.begin(), kDurationBoundsUs.end(), duration_us);
  return static_cast<std::size_t>(bound - kDurationBoundsUs.begin());
}

std::string_view to_string(StoreCallKind kind) noexcept {
  constexpr std::array<std::string_view, kStoreCallKinds> kNames{
      "load",    "define",  "redefine", "reserve",  "give_back",
      "advance", "release", "recall",   "remember", "try_write",
  };
  return kNames[static_cast<std::size_t>(kind)];
}

std::string_view to_string(StoreCallResult result) noexcept {
  constexpr std::array<std::string_view, kStoreCallResults> kNames{
      "done", "refused", "throttled", "not_applied", "in_doubt", "damaged",
  };
  return kNames[static_cast<std::size_t>(result)];
}

}  // namespace nextid
