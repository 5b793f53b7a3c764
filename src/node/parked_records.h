// The records that the store did not take so far, and that nobody waits for any more.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "node/record_pace.h"

namespace nextid::node {

class RecordWrite;
class Runtime;

/// One of them at a time is tried, the longest parked one, at RecordPace's pace: so a store that
/// takes no records is not asked more often for their number. As soon as it takes one, of whomever,
/// it is asked for two more with each that it takes, until none is parked. Those whose time is over
/// are given up.
///
/// Thread-safe. Calls writes with no lock held.
class ParkedRecords {
 public:
  explicit ParkedRecords(Runtime& runtime) noexcept : runtime_(runtime) {}

  /// False once close() was called: then it was not parked. `was_tried` tells that the attempt that
  /// failed was one of this pace.
  [[nodiscard]] bool park(std::shared_ptr<RecordWrite> write, bool was_tried);
  /// True if it was parked, and so is the caller's now.
  [[nodiscard]] bool take_out(RecordWrite& write);
  /// The store has taken a record.
  void one_was_written();
  /// Lets all of them try once more, and parks none from then on.
  void close();

 private:
  using Writes = std::vector<std::shared_ptr<RecordWrite>>;

  void arm() NEXTID_REQUIRES(mutex_);
  void try_one();
  Writes take_first(std::size_t most) NEXTID_REQUIRES(mutex_);
  Writes take_over(base::MonotonicTime now) NEXTID_REQUIRES(mutex_);

  Runtime& runtime_;
  base::Mutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<RecordWrite>> parked_ NEXTID_GUARDED_BY(mutex_);
  std::uint64_t last_number_ NEXTID_GUARDED_BY(mutex_) = 0;
  RecordPace pace_ NEXTID_GUARDED_BY(mutex_);
  bool is_armed_ NEXTID_GUARDED_BY(mutex_) = false;
  bool closed_ NEXTID_GUARDED_BY(mutex_) = false;
};

}  // namespace nextid::node
