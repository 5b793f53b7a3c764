// Watches an opened store and its front ends, and writes the pages about them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <thread>

#include "nextid/store.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "report/counter_rates.h"
#include "report/metrics_page.h"
#include "report/observation.h"

namespace nextid::report {

/// Thread-safe. Has a thread of its own: looking at many counters, and writing a page, takes longer
/// than an I/O thread may be kept. It looks at the counters once a second and for each page; if a
/// look takes over a millisecond, so seldom that looks take 1/50 of the time.
class Reporter {
 public:
  /// The counts now; called on the reporter's thread.
  using Server = std::function<ServerCounts()>;
  /// Receives a page, once, on the reporter's thread. After stop() the page is empty, and comes
  /// before the call returns. Must not block.
  using Done = std::function<void(std::string page)>;

  Reporter(Store store, Server server);
  /// Calls stop().
  ~Reporter();
  Reporter(const Reporter&) = delete;
  Reporter& operator=(const Reporter&) = delete;

  /// See metrics_page() and status_page().
  void metrics(MetricsFormat format, Done done);
  void status(std::size_t limit, Done done);

  /// NodeActivity::accounting; nothing after stop().
  void accounting(std::function<void(std::optional<Accounting>)> done);

  /// As the last look saw them: NodeActivity::counters_in_use, and see doubt_of().
  std::uint64_t counters_in_use() const;
  std::string doubt() const;

  /// Writes the pages that are asked for already, and ends the thread. Idempotent.
  void stop();

 private:
  /// Gets what was observed; null after stop().
  using Request = std::function<void(const Observation*)>;

  void ask(Request request);
  void ask_for_page(std::function<std::string(const Observation&)> write, Done done);
  void run();
  std::optional<std::deque<Request>> wait_for_requests();
  void look();
  Observation observe();

  const Store store_;
  const Server server_;
  const std::chrono::system_clock::time_point started_;
  const base::MonotonicTime started_at_;

  mutable base::Mutex mutex_;
  std::condition_variable changed_;
  std::deque<Request> requests_ NEXTID_GUARDED_BY(mutex_);
  bool stopping_ NEXTID_GUARDED_BY(mutex_) = false;
  std::string doubt_ NEXTID_GUARDED_BY(mutex_);
  std::uint64_t counters_in_use_ NEXTID_GUARDED_BY(mutex_) = 0;

  // Of the thread alone, once it runs.
  CounterRates rates_;
  NodeActivity node_;
  std::vector<CounterObservation> counters_;
  std::uint64_t returned_so_far_ = 0;
  base::MonotonicTime next_look_;      // By itself.
  base::MonotonicTime earliest_look_;  // For a page; before that, a page shows the last look.

  std::thread thread_;
};

}  // namespace nextid::report
