#include "service/readiness_log.h"

#include "base/cat.h"

namespace nextid::service {

void ReadinessLog::note(std::string_view why, base::MonotonicTime now) {
  {
    const base::Lock lock(mutex_);
    if (why == why_) return;
    const bool was_ready = why_.empty();
    if (!was_ready && !why.empty() && now - logged_ < kReasonPeriod) return;
    why_ = why;
    logged_ = now;
  }
  if (!log_) return;
  if (why.empty()) return log_(LogLevel::kInfo, "This server is ready again.");
  log_(LogLevel::kWarning, base::cat("This server is not ready: ", why));
}

}  // namespace nextid::service
