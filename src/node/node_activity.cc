// What a node tells about itself: the reading half of Node, beside its life in node.cc.
#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "node/node.h"
#include "node/store_call.h"

namespace nextid::node {

namespace {

constexpr std::size_t kCountersAtATime = 1'000;
constexpr std::chrono::microseconds kPause{50};

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

/// Requests need the lock, and a walk through many counters takes long: it is taken for some of
/// them at a time, with a pause in which others get it. A counter that is forgotten meanwhile may
/// be in the list and in the sum.
Node::Census Node::census() const {
  Census census;
  std::string after;
  for (;;) {
    {
      const base::Lock lock(mutex_);
      if (census.counters.empty()) census.counters.reserve(counters_.size());
      auto it = counters_.upper_bound(after);
      std::string_view last = after;
      for (std::size_t i = 0; i < kCountersAtATime && it != counters_.end(); ++i, ++it) {
        if (auto counter = it->second.hold()) census.counters.push_back(std::move(counter));
        last = it->first;
      }
      if (it == counters_.end()) {
        census.forgotten = forgotten_;
        census.forgets = forgets_;
        return census;
      }
      after = std::string(last);
    }
    std::this_thread::sleep_for(kPause);
  }
}

NodeActivity Node::activity(std::size_t limit) const {
  NodeActivity activity;
  if (in_child()) return activity;
  const Census census = this->census();
  const CounterList& counters = census.counters;
  activity.accounting = census.forgotten;
  using Rank = std::pair<std::uint64_t, const Counter*>;
  std::vector<Rank> ranks;
  ranks.reserve(counters.size());
  for (const auto& counter : counters) {
    if (census.counts(*counter)) ranks.emplace_back(counter->add_to(activity), counter.get());
  }
  activity.counters_in_use = ranks.size();
  const auto most = static_cast<std::ptrdiff_t>(std::min(limit, ranks.size()));
  std::partial_sort(ranks.begin(), ranks.begin() + most, ranks.end(),
                    [](const Rank& a, const Rank& b) {
                      if (a.first != b.first) return a.first > b.first;
                      return a.second->name() < b.second->name();
                    });
  for (auto rank = ranks.begin(); rank != ranks.begin() + most; ++rank) {
    activity.busiest.push_back(rank->second->activity());
  }
  activity.write_trouble = runtime_.writes().trouble();
  if (state_keeper_) activity.state_dir_trouble = state_keeper_->trouble();
  activity.stopped_counters = runtime_.high_waters().stopped_counters();
  for (HighWaters::Stop& stop : runtime_.high_waters().stopped(limit)) {
    activity.stopped.push_back(activity_of(std::move(stop), counters));
  }
  return activity;
}

void Node::try_write(std::function<void(Result<void>)> receiver) {
  if (in_child()) return receiver(forked_error());
  StoreCall::run(runtime_, contract::TryWrite{},
                 base::monotonic_now() + runtime_.options().request_timeout,
                 [receiver = std::move(receiver)](const Result<contract::Outcome>& outcome) {
                   receiver(outcome ? Result<void>() : Result<void>(outcome.error()));
                 });
}

void Node::check_writes(std::function<void(Result<void>)> receiver) {
  if (in_child()) return receiver(forked_error());
  if (runtime_.is_closed()) return receiver(Error(ErrorCode::kUnavailable, "the store is closed."));
  runtime_.writes().check(std::move(receiver));
}

}  // namespace nextid::node
