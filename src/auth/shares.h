// What of a server's bounds each token has for itself, so that one's use is never another's
// refusal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "auth/limits.h"

namespace nextid::auth {

/// The bounds of a server that its tokens share.
struct Bounds {
  std::uint64_t counters = 100'000;           ///< --max-counters
  std::uint64_t waiting_requests = 100'000;   ///< --max-waiting-requests
  std::uint64_t waiting_ids = 1'000'000'000;  ///< --max-waiting-ids
  std::uint64_t max_range = 1'000'000;        ///< --max-range
};

/// The limits of all tokens of a file. Those that have none get equal parts of what the others
/// leave of the bound, and at least one.
class Shares {
 public:
  static constexpr std::uint64_t kNewCounters = 10'000;
  static constexpr std::uint64_t kKeys = 1'000'000;

  Shares(std::span<const Limits> tokens, const Bounds& bounds);

  /// With what is in force where `limits` has none. The rates stay as they are.
  Limits in_force(Limits limits) const;
  /// How many ids the waiting requests of one token may ask for. One range always fits.
  std::uint64_t waiting_ids() const noexcept { return waiting_ids_; }
  /// Sentences about limits that together pass their bound.
  const std::vector<std::string>& warnings() const noexcept { return warnings_; }

 private:
  std::uint64_t share(std::span<const Limits> tokens, Limit limit, std::uint64_t bound,
                      const std::string& option);

  std::vector<std::string> warnings_;
  const std::uint64_t counters_in_use_;
  const std::uint64_t waiting_;
  const std::uint64_t waiting_ids_;
};

}  // namespace nextid::auth
