// What a node tells about itself: the reading half of Node, beside its life in node.cc.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "node/node.h"
#include "node/store_call.h"

namespace nextid::node {

namespace {

/// Of a counter that has stopped; `counters` are those in use, by name. It need not be one of them.
CounterActivity activity_of(HighWaters::Stop stop,
                            const std::vector<std::shared_ptr<Counter>>& counters) {
  const auto it = std::lower_bound(
      counters.begin(), counters.end(), stop.first,
      [](const auto& counter, const std::string& name) { return counter->name() < name; });
  CounterActivity activity;
  if (it != counters.end() && (*it)->name() == stop.first) activity = (*it)->activity();
  activity.name = std::move(stop.first);
  activity.stopped = std::move(stop.second);
  return activity;
}

}  // namespace

/// The lock is held for a copy of the list alone: with many counters a walk takes long. A counter
/// that is forgotten meanwhile is in the copy, and not in the copied sum.
NodeActivity Node::activity(std::size_t limit) const {
  NodeActivity activity;
  if (in_child()) return activity;
  std::vector<std::shared_ptr<Counter>> counters;
  {
    const base::Lock lock(mutex_);
    activity.accounting = forgotten_;
    counters.reserve(counters_.size());
    for (const auto& [name, counter] : counters_) counters.push_back(counter);
  }
  activity.counters_in_use = counters.size();
  using Rank = std::pair<std::uint64_t, const Counter*>;
  std::vector<Rank> ranks;
  ranks.reserve(counters.size());
  for (const auto& counter : counters) ranks.emplace_back(counter->add_to(activity), counter.get());
  const auto most = static_cast<std::ptrdiff_t>(std::min(limit, ranks.size()));
  std::partial_sort(ranks.begin(), ranks.begin() + most, ranks.end(),
                    [](const Rank& a, const Rank& b) {
                      if (a.first != b.first) return a.first > b.first;
                      return a.second->name() < b.second->name();
                    });
  for (auto rank = ranks.begin(); rank != ranks.begin() + most; ++rank) {
    activity.busiest.push_back(rank->second->activity());
  }
  if (state_keeper_) activity.state_dir_trouble = state_keeper_->trouble();
  activity.stopped_counters = runtime_.high_waters().stopped_counters();
  for (HighWaters::Stop& stop : runtime_.high_waters().stopped(limit)) {
    activity.stopped.push_back(activity_of(std::move(stop), counters));
  }
  return activity;
}

/// A Redefine whose condition can't hold: no counter ever has the revision before this one.
void Node::try_write(std::function<void(Result<void>)> receiver) {
  if (in_child()) return receiver(forked_error());
  contract::Redefine op{std::string(kDefaultCounter), contract::WriterId{0}, Definition{}};
  op.definition.revision = kMaxId;
  StoreCall::run(runtime_, std::move(op),
                 base::monotonic_now() + runtime_.options().request_timeout,
                 [receiver = std::move(receiver)](const Result<contract::Outcome>& outcome) {
                   receiver(outcome ? Result<void>() : Result<void>(outcome.error()));
                 });
}

}  // namespace nextid::node
