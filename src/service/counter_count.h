// How many counters the store has. Looking is dear where there are many, so that who asks at the
// same time shares a look.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nextid/error.h"
#include "nextid/store.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "service/done.h"

namespace nextid::service {

/// One look at a time. One of a single page (kMostListed) is for those who asked before it began,
/// so that they see what they did themselves. The answer of a longer one is for all who ask until
/// kKept after its end.
///
/// Thread-safe. Its looks keep it alive.
class CounterCount : public std::enable_shared_from_this<CounterCount> {
 public:
  static constexpr std::chrono::seconds kKept{1};

  explicit CounterCount(Store store) : store_(std::move(store)) {}

  void ask(Done<std::uint64_t> done) NEXTID_EXCLUDES(mutex_);

 private:
  using Askers = std::vector<Done<std::uint64_t>>;

  std::optional<std::uint64_t> kept_count() NEXTID_EXCLUDES(mutex_);
  void look(const std::string& after, std::uint64_t before);
  void end(const Result<std::uint64_t>& count, bool is_long) NEXTID_EXCLUDES(mutex_);

  const Store store_;
  base::Mutex mutex_;
  bool looks_ NEXTID_GUARDED_BY(mutex_) = false;
  Askers asked_ NEXTID_GUARDED_BY(mutex_);  // Before the look that is under way.
  Askers next_ NEXTID_GUARDED_BY(mutex_);   // Since it began.
  std::uint64_t kept_ NEXTID_GUARDED_BY(mutex_) = 0;
  base::MonotonicTime kept_until_ NEXTID_GUARDED_BY(mutex_);
};

}  // namespace nextid::service
