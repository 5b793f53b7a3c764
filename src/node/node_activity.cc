// What a node tells about itself: the reading half of Node, beside its life in node.cc.
#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "node/node.h"
#include "node/store_call.h"

namespace nextid::node {

/// In one hold of the lock: a counter that was forgotten between two would be missing from the sums,
/// or be in them twice.
NodeActivity Node::activity(std::size_t limit) const {
  NodeActivity activity;
  if (in_child()) return activity;
  using Rank = std::pair<std::uint64_t, const Counter*>;
  std::vector<Rank> ranks;
  const std::lock_guard lock(mutex_);
  activity.accounting = forgotten_;
  activity.counters_in_use = counters_.size();
  ranks.reserve(counters_.size());
  for (const auto& [name, counter] : counters_) {
    ranks.emplace_back(counter->add_to(activity), counter.get());
  }
  const auto most = static_cast<std::ptrdiff_t>(std::min(limit, ranks.size()));
  std::partial_sort(ranks.begin(), ranks.begin() + most, ranks.end(),
                    [](const Rank& a, const Rank& b) {
                      if (a.first != b.first) return a.first > b.first;
                      return a.second->name() < b.second->name();
                    });
  for (auto rank = ranks.begin(); rank != ranks.begin() + most; ++rank) {
    activity.busiest.push_back(rank->second->activity());
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
