#include "copy/attempts.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>

#include "base/awaited.h"
#include "base/cat.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "engine/backoff.h"
#include "node/random.h"

namespace nextid::copy {
namespace {

using base::cat;
using contract::Outcome;

/// The outcomes of calls that were submitted together.
class Together {
 public:
  explicit Together(std::size_t calls) : outcomes_(calls, contract::Missing{}), open_(calls) {}

  void set(std::size_t index, Outcome outcome) NEXTID_EXCLUDES(mutex_) {
    {
      const base::Lock lock(mutex_);
      outcomes_[index] = std::move(outcome);
      if (--open_ > 0) return;
    }
    all_.set(true);
  }

  std::vector<Outcome> wait() NEXTID_EXCLUDES(mutex_) {
    all_.wait();
    const base::Lock lock(mutex_);
    return std::move(outcomes_);
  }

 private:
  base::Mutex mutex_;
  std::vector<Outcome> outcomes_ NEXTID_GUARDED_BY(mutex_);
  std::size_t open_ NEXTID_GUARDED_BY(mutex_);
  base::Awaited<bool> all_;
};

std::vector<Outcome> attempt(contract::StoreDriver& store, const std::vector<contract::Op>& ops,
                             const std::vector<std::size_t>& which) {
  // Shared, since the last call may still be returning from set() when this has returned.
  const auto together = std::make_shared<Together>(which.size());
  std::vector<contract::Call> calls;
  for (std::size_t i = 0; i < which.size(); ++i) {
    calls.push_back(
        {ops[which[i]], [together, i](Outcome outcome) { together->set(i, std::move(outcome)); }});
  }
  store.submit(std::move(calls));
  return together->wait();
}

/// Why the op is to be repeated; nothing if its outcome is known.
struct Failure {
  std::string why;
  bool throttled = false;
};

std::optional<Failure> failure_of(const Outcome& outcome) {
  if (const auto* refused = std::get_if<contract::NotApplied>(&outcome)) {
    return Failure{refused->why, refused->throttled};
  }
  if (const auto* doubt = std::get_if<contract::InDoubt>(&outcome)) return Failure{doubt->why};
  return std::nullopt;
}

/// Between attempts: pauses, and tells when it was enough.
class Patience {
 public:
  explicit Patience(std::chrono::milliseconds limit)
      : limit_(limit), backoff_(node::random_bits()) {}

  void on_progress() {
    failures_ = 0;
    since_ = base::monotonic_now();
  }

  /// False when there was no progress for the whole limit.
  bool wait(bool throttled) {
    if (base::monotonic_now() - since_ > limit_) return false;
    using Cause = engine::Backoff::Cause;
    std::this_thread::sleep_for(
        backoff_.after(++failures_, throttled ? Cause::kThrottled : Cause::kTransient));
    return true;
  }

 private:
  const std::chrono::milliseconds limit_;
  engine::Backoff backoff_;
  unsigned failures_ = 0;
  base::MonotonicTime since_ = base::monotonic_now();
};

}  // namespace

Result<std::vector<Outcome>> run_all(contract::StoreDriver& store,
                                     const std::vector<contract::Op>& ops,
                                     std::chrono::milliseconds patience) {
  std::vector<Outcome> known(ops.size(), contract::Missing{});
  std::vector<std::size_t> left(ops.size());
  for (std::size_t i = 0; i < ops.size(); ++i) left[i] = i;
  Patience waiting(patience);
  while (!left.empty()) {
    std::vector<Outcome> outcomes = attempt(store, ops, left);
    std::vector<std::size_t> failed;
    Failure last;
    for (std::size_t i = 0; i < left.size(); ++i) {
      if (const auto* damaged = std::get_if<contract::Damaged>(&outcomes[i])) {
        return Error(ErrorCode::kCorrupt, cat("has a damaged counter: ", damaged->why, "."));
      }
      if (const auto failure = failure_of(outcomes[i])) {
        failed.push_back(left[i]);
        last = *failure;
      } else {
        known[left[i]] = std::move(outcomes[i]);
      }
    }
    if (failed.size() < left.size()) waiting.on_progress();
    left = std::move(failed);
    if (!left.empty() && !waiting.wait(last.throttled)) {
      return Error(ErrorCode::kUnavailable, cat("can't be used: ", last.why, "."));
    }
  }
  return known;
}

Result<CounterPage> read_page(contract::StoreDriver& store, const contract::PageWanted& wanted,
                              std::chrono::milliseconds patience) {
  for (Patience waiting(patience);;) {
    const auto answer = std::make_shared<base::Awaited<Result<CounterPage>>>();
    store.list(wanted, [answer](Result<CounterPage> page) { answer->set(std::move(page)); });
    Result<CounterPage> page = answer->wait();
    if (page || page.error().code() != ErrorCode::kUnavailable) return page;
    if (!waiting.wait(false)) return page;
  }
}

}  // namespace nextid::copy
