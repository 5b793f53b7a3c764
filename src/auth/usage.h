// What the holders of one token use of this server at present, and how much they may.
#pragma once

#include "auth/limits.h"
#include "base/mutex.h"

namespace nextid::auth {

/// Of the token of one name: it outlives reloads of the token file, and sessions and requests share
/// it. Thread-safe.
class Usage {
 public:
  Limits limits() const {
    const base::Lock lock(mutex_);
    return limits_;
  }
  /// As the token file says now.
  void set_limits(const Limits& limits) {
    const base::Lock lock(mutex_);
    limits_ = limits;
  }

 private:
  mutable base::Mutex mutex_;
  Limits limits_ NEXTID_GUARDED_BY(mutex_);
};

}  // namespace nextid::auth
