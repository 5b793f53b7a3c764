// Where the pages about this server come from.
#pragma once

#include <string>

#include "service/call.h"
#include "service/done.h"

namespace nextid::service {

/// Thread-safe.
class Reports {
 public:
  virtual void report(const ShowMetrics& call, Done<Page> done) = 0;
  virtual void report(const ShowStatus& call, Done<Page> done) = 0;
  virtual void report(const SumUpIds& call, Done<Accounting> done) = 0;

  /// Why ids of the store, or of some of its counters, are not given out any more; empty while
  /// there is no such reason. As it was within the last second. Cheap.
  virtual std::string doubt() const = 0;

 protected:
  ~Reports() = default;
};

}  // namespace nextid::service
