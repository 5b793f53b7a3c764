#include "report/reporter.h"

#include <algorithm>
#include <utility>

#include "base/mutex.h"
#include "report/status_page.h"

namespace nextid::report {
namespace {

constexpr std::chrono::seconds kPeriod{1};
// A look that takes longer is made less often.
constexpr std::chrono::milliseconds kCheapLook{1};
constexpr int kIdleShare = 50;

}  // namespace

Reporter::Reporter(Store store, Server server)
    : store_(std::move(store)),
      server_(std::move(server)),
      started_(std::chrono::system_clock::now()),
      started_at_(base::monotonic_now()),
      next_look_(started_at_),
      earliest_look_(started_at_) {
  look();  // So that a counter that has stopped from the start is never reported as well.
  thread_ = std::thread([this] { run(); });
}

Reporter::~Reporter() { stop(); }

void Reporter::metrics(MetricsFormat format, Done done) {
  ask_for_page([format](const Observation& observed) { return metrics_page(observed, format); },
               std::move(done));
}

void Reporter::status(std::size_t limit, Done done) {
  ask_for_page([limit](const Observation& observed) { return status_page(observed, limit); },
               std::move(done));
}

void Reporter::accounting(std::function<void(std::optional<Accounting>)> done) {
  ask([done = std::move(done)](const Observation* observed) {
    done(observed != nullptr ? std::optional(observed->node.accounting) : std::nullopt);
  });
}

void Reporter::ask_for_page(std::function<std::string(const Observation&)> write, Done done) {
  ask([write = std::move(write), done = std::move(done)](const Observation* observed) {
    done(observed != nullptr ? write(*observed) : "");
  });
}

std::string Reporter::doubt() const {
  const base::Lock lock(mutex_);
  return doubt_;
}

std::uint64_t Reporter::counters_in_use() const {
  const base::Lock lock(mutex_);
  return counters_in_use_;
}

void Reporter::ask(Request request) {
  {
    const base::Lock lock(mutex_);
    if (!stopping_) {
      requests_.push_back(std::move(request));
      changed_.notify_one();
      return;
    }
  }
  request(nullptr);
}

void Reporter::stop() {
  {
    const base::Lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Reporter::run() {
  while (const auto requests = wait_for_requests()) {
    look();
    if (requests->empty()) continue;
    const Observation observation = observe();
    for (const Request& request : *requests) request(&observation);
    // The next page is to tell it, should nobody else ask.
    store_.async_check_writes([](const Result<void>&) {});
  }
}

/// Waits for requests until the next look is due, and takes them; nothing once the thread is to
/// end.
std::optional<std::deque<Reporter::Request>> Reporter::wait_for_requests() {
  base::Lock lock(mutex_);
  while (!stopping_ && requests_.empty() && base::monotonic_now() < next_look_) {
    changed_.wait_until(lock.native(), next_look_);
  }
  if (stopping_ && requests_.empty()) return std::nullopt;
  return std::exchange(requests_, {});
}

void Reporter::look() {
  const base::MonotonicTime begin = base::monotonic_now();
  if (begin < earliest_look_) return;
  node_ = store_.activity(kObservedCounters);
  counters_ = rates_.sample(std::exchange(node_.busiest, {}), begin);
  returned_so_far_ = std::max(returned_so_far_, node_.accounting.returned);
  const auto took = base::monotonic_now() - begin;
  earliest_look_ = took <= kCheapLook ? begin : begin + took * kIdleShare;
  next_look_ = std::max(earliest_look_, begin + kPeriod);
  std::string doubt = doubt_of(store_.health(), node_);
  const base::Lock lock(mutex_);
  doubt_ = std::move(doubt);
  counters_in_use_ = node_.counters_in_use;
}

Observation Reporter::observe() {
  Observation observation;
  observation.store_url = store_.url();
  observation.store_opening = store_.opening();
  observation.started = started_;
  observation.now = std::chrono::system_clock::now();
  observation.uptime = base::monotonic_now() - started_at_;
  observation.node = node_;
  observation.returned_so_far = returned_so_far_;
  observation.counters = counters_;
  observation.store_calls = store_.store_calls();
  observation.store_health = store_.health();
  observation.server = server_();
  return observation;
}

}  // namespace nextid::report
