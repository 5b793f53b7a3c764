// When credentials are looked for again: pure functions, so that tests need not wait.
#pragma once

#include <algorithm>
#include <chrono>

namespace nextid::aws {

/// No look begins sooner than this after the one before.
inline constexpr std::chrono::milliseconds kLookInterval{1000};

/// After credentials that live for `left`: 10 to 15 minutes before their end, as `random` (0 to 1)
/// says, so that a fleet which started together does not ask together; when less than twice that is
/// left, after half of it.
inline std::chrono::milliseconds wait_for_renewal(std::chrono::milliseconds left, double random) {
  using std::chrono::milliseconds;
  constexpr double kLeastMarginMs = 10 * 60 * 1000;
  constexpr double kMarginSpanMs = 5 * 60 * 1000;
  const milliseconds margin(
      static_cast<milliseconds::rep>(kLeastMarginMs + random * kMarginSpanMs));
  return std::max(left - std::min(margin, left / 2), kLookInterval);
}

/// After the `failures`th failure in a row (from 1): 1, 2, 4 ... s, up to 60 s, or 5 s once the
/// credentials in use have expired; and less by up to a half, as `random` says.
inline std::chrono::milliseconds wait_after_failure(int failures, bool expired, double random) {
  using std::chrono::milliseconds;
  const milliseconds limit(expired ? 5'000 : 60'000);
  const milliseconds full = std::min(kLookInterval * (1 << std::clamp(failures - 1, 0, 10)), limit);
  const double scale = 1 - random / 2;
  return std::max(
      milliseconds(static_cast<milliseconds::rep>(scale * static_cast<double>(full.count()))),
      kLookInterval);
}

/// After the service refused the same credentials `times` looks in a row (from 1): 1, 2, 4, 8 s.
inline std::chrono::milliseconds wait_after_refusal(int times) {
  return kLookInterval * (1 << std::clamp(times - 1, 0, 3));
}

}  // namespace nextid::aws
