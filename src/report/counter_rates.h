// How fast the busiest counters go, from one sample to the next.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nextid/statistics.h"

#include "base/clock.h"
#include "report/decaying_rate.h"
#include "report/observation.h"

namespace nextid::report {

/// Time constants of the two rates: what the page shows, and what exhaustion is reckoned by.
inline constexpr double kRecentSeconds = 5;
inline constexpr double kTodaySeconds = 6 * 3600;

/// Ids that are left between the counter's value and its max; none while that is not known.
std::optional<std::uint64_t> remaining_ids(const CounterActivity& counter) noexcept;

/// Not thread-safe. Forgets a counter that it was not given for ten minutes.
class CounterRates {
 public:
  /// The same counters, with their rates. Call it with growing times.
  std::vector<CounterObservation> sample(std::vector<CounterActivity> counters,
                                         base::MonotonicTime now);

 private:
  struct Seen {
    base::MonotonicTime at;
    std::uint64_t returned = 0;
    std::optional<std::uint64_t> value;
    std::uint64_t skipped = 0;
    DecayingRate recent{kRecentSeconds};
    DecayingRate today{kTodaySeconds};
  };

  static void add(Seen& seen, const CounterActivity& counter, base::MonotonicTime now);

  std::map<std::string, Seen> seen_;
};

}  // namespace nextid::report
