// Does what callers ask for.
#pragma once

#include <atomic>
#include <memory>

#include "nextid/log.h"
#include "nextid/store.h"

#include "service/call.h"
#include "service/counter_count.h"
#include "service/done.h"
#include "service/readiness_log.h"
#include "service/reports.h"

namespace nextid::service {

/// Thread-safe. Checks no rights: whoever starts a call has asked permission_of() for its kNeeds
/// first.
class Service {
 public:
  /// `reports` must outlive it. `log` is told when it becomes ready or is no longer, and why.
  Service(Store store, Reports& reports, Log log = {});

  /// From now on CheckReady is answered kUnavailable, and all else as before.
  void announce_stop() noexcept { is_stopping_ = true; }

  void start(const ListCounters& call, Done<CounterPage> done) const;
  void start(const ShowCounter& call, Done<CounterInfo> done) const;
  void start(const FindCounters& call, Done<FindCounters::Answer> done) const;
  void start(const CountCounters& call, Done<std::uint64_t> done) const;
  void start(const DefineCounter& call, Done<DefinedCounter> done) const;
  void start(const AdvanceCounter& call, Done<CounterInfo> done) const;
  void start(const CheckReady& call, Done<CheckReady::Answer> done) const;
  void start(const ShowMetrics& call, Done<Page> done) const;
  void start(const ShowStatus& call, Done<Page> done) const;
  void start(const SumUpIds& call, Done<Accounting> done) const;

 private:
  const Store store_;
  Reports& reports_;
  const std::shared_ptr<CounterCount> count_;
  const std::shared_ptr<ReadinessLog> readiness_;  // The store's answers may outlive this object.
  std::atomic<bool> is_stopping_{false};
};

}  // namespace nextid::service
