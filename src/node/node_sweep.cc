// Counters that nobody uses come to rest and are forgotten, and those in use have old slots pruned:
// the part of Node that goes through them, beside its life in node.cc.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "node/node.h"

namespace nextid::node {
namespace {

/// How long an idle counter may try to release its slot; a later sweep makes it try again.
constexpr std::chrono::seconds kRestLimit{5};

}  // namespace

// All but schedule_sweep() runs on the timer's thread, which ends before this object does.

void Node::schedule_sweep() {
  const StoreOptions& options = runtime_.options();
  go_on_sweeping_in(std::max(std::min(options.idle_counter_timeout / 2, options.pruning_interval),
                             std::chrono::milliseconds(1)));
}

void Node::go_on_sweeping_in(base::MonotonicTime::duration time) {
  runtime_.timer().at(base::monotonic_now() + time, [this] { sweep(); });
}

void Node::sweep() {
  const base::MonotonicTime now = base::monotonic_now();
  end_slice(now);
  const auto took = now - sweep_.began;
  if (!sweep_.resting.empty()) return go_on_sweeping_in(SweepPace::poll_after(took));
  const std::size_t asked = std::exchange(sweep_.asked, 0);
  if (sweep_.looked_at_all) return end_sweep();
  if (asked > 0) return go_on_sweeping_in(pace_.gap(asked, took));
  begin_slice(now);
  if (sweep_.asked > 0) return go_on_sweeping_in(SweepPace::poll_after({}));
  if (sweep_.looked_at_all) return end_sweep();
  go_on_sweeping_in(SweepPace::kShortestGap);
}

void Node::begin_slice(base::MonotonicTime now) {
  const bool is_first = sweep_.after.empty();
  const auto since_last = now - std::exchange(sweep_.began, now);
  const std::size_t most = pace_.slice(is_first ? SweepPace::Duration{} : since_last);
  std::vector<contract::Call> calls;
  const CounterList forgotten = look_at_slice(now, most, calls);
  for (const auto& counter : sweep_.resting) counter->pump(calls);
  sweep_.asked = calls.size();
  runtime_.submit(std::move(calls));
}

/// Puts `most` idle counters to rest, and forgets those that have nothing left and that no
/// generator holds: returns these, to be destroyed without the lock. Of the others, those whose
/// turn it is have their slots pruned, which loading them does: an engine loads its counter only
/// once, so this removes the slots that other writers left behind since. The engine's own slot
/// stays: it may be all that tells the fate of an op (I5).
Node::CounterList Node::look_at_slice(base::MonotonicTime now, std::size_t most,
                                      std::vector<contract::Call>& calls) {
  CounterList forgotten;
  CounterList looked_at;  // A counter that ends takes the lock.
  const base::Lock lock(mutex_);
  const base::MonotonicTime since = now - runtime_.options().idle_counter_timeout;
  auto it = counters_.upper_bound(sweep_.after);
  for (std::size_t looks = 0; it != counters_.end() && looks < SweepPace::kLooks; ++looks) {
    if (closing_ || sweep_.resting.size() + calls.size() >= most) break;
    sweep_.after = it->first;
    const auto next = std::next(it);
    looked_at.push_back(it->second.hold());
    const auto& counter = looked_at.back();
    if (!counter) {
      // It ends.
    } else if (!counter->idle_since(since)) {
      if (counter->pruning_due(now)) {
        calls.push_back(contract::Call{contract::Load{counter->name(), counter->writer()},
                                       [](const contract::Outcome&) {}, false});
      }
    } else if (!counter->rest(now + kRestLimit)) {
      sweep_.resting.push_back(counter);
    } else if (forget(it, 2)) {
      forgotten.push_back(counter);
    }
    it = next;
  }
  sweep_.looked_at_all = closing_ || it == counters_.end();
  return forgotten;
}

/// Takes out of the slice what is at rest, has had its time, or was asked meanwhile; forgets what
/// may be.
void Node::end_slice(base::MonotonicTime now) {
  CounterList ended;
  const bool is_late = now - sweep_.began > kRestLimit;
  const base::Lock lock(mutex_);
  std::erase_if(sweep_.resting, [&](std::shared_ptr<Counter>& counter) NEXTID_REQUIRES(mutex_) {
    const Counter::Rest rest = counter->rest_state();
    if (rest == Counter::Rest::kOnItsWay && !is_late && !closing_) return false;
    const auto it = counters_.find(counter->name());
    if (rest == Counter::Rest::kAtRest && it != counters_.end()) forget(it, 2);
    ended.push_back(std::move(counter));
    return true;
  });
}

/// A known counter that has nothing left, unless more than `holders` hold it. HighWaters still has
/// how far it was, and whether it has stopped (I8). Generators get their counters under this lock,
/// so that nobody can hold it again meanwhile.
bool Node::forget(Counters::iterator it, long holders) {
  const auto& counter = it->second.kept;
  if (!counter || counter.use_count() > holders) return false;
  forgotten_ += counter->accounting();
  counter->forgotten_as(++forgets_);
  counters_.erase(it);
  return true;
}

void Node::end_sweep() {
  sweep_.after.clear();
  sweep_.looked_at_all = false;
  const base::Lock lock(mutex_);
  sweep_.is_scheduled = !closing_ && !counters_.empty();
  if (sweep_.is_scheduled) schedule_sweep();
}

}  // namespace nextid::node
