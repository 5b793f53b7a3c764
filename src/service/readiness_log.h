// Lines about whether this server is ready: few of them, however many ask.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "nextid/log.h"

#include "base/clock.h"
#include "base/mutex.h"

namespace nextid::service {

/// Thread-safe.
class ReadinessLog {
 public:
  /// While it is not ready, another reason is logged so long after the last one at the earliest.
  static constexpr std::chrono::seconds kReasonPeriod{10};

  /// Empty: logs nothing.
  explicit ReadinessLog(Log log) : log_(std::move(log)) {}

  /// What someone who asked was told: why it is not ready, or "" where it is. Logged when that
  /// changes.
  void note(std::string_view why, base::MonotonicTime now) NEXTID_EXCLUDES(mutex_);

 private:
  const Log log_;
  base::Mutex mutex_;
  std::string why_ NEXTID_GUARDED_BY(mutex_);  // As logged last.
  base::MonotonicTime logged_ NEXTID_GUARDED_BY(mutex_);
};

}  // namespace nextid::service
