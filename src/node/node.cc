#include "node/node.h"

#include <algorithm>
#include <utility>

#include "base/cat.h"
#include "base/mutex.h"
#include "node/definition_call.h"
#include "node/deletion_call.h"
#include "store/factory.h"

namespace nextid::node {
namespace {

using base::cat;

constexpr std::chrono::seconds kLookInterval{1};
constexpr std::chrono::milliseconds kLastHandleCloseLimit{1'000};
constexpr std::size_t kMaxPage = 1'000;
/// Of a node that closes, in one submission: large, since fewer commits take less time in all.
constexpr std::size_t kCallsAtATime = 4'096;

Error bad_name(std::string_view name) {
  return Error(ErrorCode::kInvalid, cat("'", name.substr(0, kMaxCounterNameBytes),
                                        "' is no counter name: use 1 to 128 letters, digits, '_', "
                                        "'.', ':' and '-', with a letter, a digit or '_' first."));
}

Result<CounterInfo> to_info(const std::string& name, const contract::Outcome& outcome) {
  if (const auto* found = std::get_if<contract::Found>(&outcome)) {
    CounterInfo info = contract::info_of(name, found->state);
    if (info.deleted) return was_deleted(info);
    return info;
  }
  if (std::holds_alternative<contract::Missing>(outcome)) return no_such_counter(name);
  if (const auto* damaged = std::get_if<contract::Damaged>(&outcome)) {
    return Error(ErrorCode::kCorrupt,
                 cat("counter '", name, "' can't be shown, since ", damaged->why, "."));
  }
  const auto* failed = std::get_if<contract::NotApplied>(&outcome);
  return Error(ErrorCode::kUnavailable,
               "the store can't be read: " + (failed != nullptr ? failed->why : "no clear answer"));
}

}  // namespace

std::shared_ptr<Node> Node::create(std::string url, std::shared_ptr<contract::StoreDriver> driver,
                                   StoreOptions options, std::unique_ptr<state::StateFile> state) {
  // A forked child leaks the node: its threads, locks and files are the parent's.
  const auto node = std::shared_ptr<Node>(
      new Node(std::move(url), std::move(driver), std::move(options)), [](Node* gone) {
        if (!gone->in_child()) delete gone;
      });
  if (state) {
    node->state_keeper_ = std::make_unique<StateKeeper>(
        std::move(state), node->runtime_, node->url_, node->opening_.identity,
        [raw = node.get()] { return raw->take_changes(); });
  }
  node->schedule_look_at_store();
  return node;
}

Node::Node(std::string url, std::shared_ptr<contract::StoreDriver> driver, StoreOptions options)
    : url_(store::without_password(url)),
      opening_(driver->opening()),
      pace_(options.max_counters, options.idle_counter_timeout),
      runtime_(url_, std::move(driver), std::move(options)) {}

Node::~Node() {
  close(kLastHandleCloseLimit);
  runtime_.wait_for_attempts();
  runtime_.writes().finish();
  *has_ended_ = true;
}

Result<std::shared_ptr<Counter>> Node::counter(std::string_view name, contract::Payer* payer) {
  if (in_child()) return forked_error();
  if (!is_counter_name(name)) return bad_name(name);
  const base::Lock lock(mutex_);
  if (closing_) return Error(ErrorCode::kUnavailable, "the store is closed.");
  if (const auto it = counters_.find(name); it != counters_.end()) {
    if (auto found = it->second.hold()) {
      if (payer != nullptr) found->charge_also(*payer);
      return found;
    }
    counters_.erase(it);  // It ends, and another one begins.
  }
  auto place = contract::Place::take(payer);
  if (!place) return place.error();
  if (counters_.size() >= runtime_.options().max_counters) {
    return Error(ErrorCode::kOverloaded, cat("this node serves ", counters_.size(),
                                             " counters, which is its bound; use one of them, or "
                                             "try again when some have been idle for a while."));
  }
  return make_counter(name, *std::move(place));
}

// --- A counter's time in memory

std::shared_ptr<Counter> Node::make_counter(std::string_view name, contract::Place place) {
  std::shared_ptr<Counter> counter(
      new Counter(std::string(name), runtime_, *this, std::move(place)),
      [this, has_ended = has_ended_](Counter* gone) {
        if (!*has_ended) {
          if (in_child()) return;
          let_go(*gone);
        }
        delete gone;
      });
  counters_.emplace(counter->name(), Entry{counter.get()});
  if (!std::exchange(sweep_.is_scheduled, true)) schedule_sweep();
  return counter;
}

/// From now on it stays until it has been idle for a while.
void Node::keep(const std::shared_ptr<Counter>& counter) {
  const base::Lock lock(mutex_);
  const auto it = counters_.find(counter->name());
  if (it != counters_.end() && it->second.counter == counter.get()) it->second.kept = counter;
}

/// Nobody holds it any more. One that was not forgotten was never known.
void Node::let_go(Counter& counter) {
  const base::Lock lock(mutex_);
  if (!counter.was_forgotten()) forgotten_ += counter.accounting();
  const auto it = counters_.find(counter.name());
  if (it != counters_.end() && it->second.counter == &counter) counters_.erase(it);
}

// --- What is asked of it

void Node::show(std::string_view name, Store::CounterReceiver receiver) {
  if (in_child()) return receiver(forked_error());
  if (!is_counter_name(name)) return receiver(bad_name(name));
  std::vector<contract::Call> calls;
  calls.push_back(contract::Call{
      contract::Load{std::string(name), contract::WriterId{0}},
      [name = std::string(name), receiver = std::move(receiver)](contract::Outcome outcome) {
        receiver(to_info(name, outcome));
      }});
  runtime_.submit(std::move(calls));
}

void Node::define(std::string_view name, const DefinitionChange& change,
                  Store::DefinitionCondition condition, Store::DefinedReceiver receiver,
                  std::shared_ptr<contract::Payer> payer) {
  if (in_child()) return receiver(forked_error());
  if (!is_counter_name(name)) return receiver(bad_name(name));
  DefinitionCall::start(runtime_, std::string(name), change, std::move(condition),
                        base::monotonic_now() + runtime_.options().request_timeout,
                        std::move(receiver), std::move(payer));
}

/// Before the answer: who has it gets no id from the stock of this node any more.
void Node::delete_counter(std::string_view name, Store::DefinitionCondition condition,
                          Store::CounterReceiver receiver) {
  if (in_child()) return receiver(forked_error());
  if (!is_counter_name(name)) return receiver(bad_name(name));
  DeletionCall::start(runtime_, std::string(name), std::move(condition),
                      base::monotonic_now() + runtime_.options().request_timeout,
                      [this, receiver = std::move(receiver)](Result<CounterInfo> deleted) {
                        if (deleted) tell_of_deletion(deleted->name);
                        receiver(std::move(deleted));
                      });
}

void Node::tell_of_deletion(const std::string& name) {
  std::shared_ptr<Counter> counter;
  {
    const base::Lock lock(mutex_);
    const auto it = counters_.find(name);
    if (it != counters_.end()) counter = it->second.hold();
  }
  if (counter) counter->see_deletion();
}

void Node::advance(std::string_view name, std::uint64_t to, Store::CounterReceiver receiver,
                   contract::Payer* payer) {
  const auto found = counter(name, payer);
  if (!found) return receiver(found.error());
  if (to < 1 || to > kMaxId) {
    return receiver(Error(ErrorCode::kInvalid, cat("a counter can be advanced to 1 ... ", kMaxId,
                                                   ", not to ", to, ".")));
  }
  (*found)->advance(to, base::monotonic_now() + runtime_.options().request_timeout,
                    std::move(receiver));
}

void Node::list(const contract::PageWanted& wanted, Store::PageReceiver receiver) {
  if (in_child()) return receiver(forked_error());
  if (wanted.limit == 0 || wanted.limit > kMaxPage) {
    return receiver(
        Error(ErrorCode::kInvalid, cat("limit must be from 1 to 1000, not ", wanted.limit, ".")));
  }
  const auto driver = runtime_.driver();
  if (!driver) return receiver(Error(ErrorCode::kUnavailable, "the store is closed."));
  driver->list(wanted, std::move(receiver));
}

Accounting Node::accounting() const {
  const Census census = this->census();
  Accounting total = census.forgotten;
  for (const auto& counter : census.counters) {
    if (census.counts(*counter)) total += counter->accounting();
  }
  return total;
}

std::vector<CounterChange> Node::take_changes() {
  std::vector<CounterChange> changes;
  for (const auto& counter : runtime_.take_changed()) {
    if (auto change = counter->take_change()) changes.push_back(*std::move(change));
  }
  for (HighWaters::Stop& stop : runtime_.high_waters().take_new_stops()) {
    CounterChange change{std::move(stop.first)};
    change.stopped = std::move(stop.second);
    changes.push_back(std::move(change));
  }
  return changes;
}

/// The store begins with the first ones while the others are asked.
void Node::start_closing(const CounterList& open, base::MonotonicTime deadline) {
  std::vector<contract::Call> calls;
  for (const auto& counter : open) {
    counter->close(deadline);
    counter->pump(calls);
    if (calls.size() >= kCallsAtATime) runtime_.submit(std::exchange(calls, {}));
  }
  runtime_.submit(std::move(calls));
}

bool Node::close(std::chrono::milliseconds limit) {
  if (in_child()) return false;
  const base::MonotonicTime deadline = base::monotonic_now() + limit;
  CounterList open;
  {
    const base::Lock lock(mutex_);
    closing_ = true;
    open.reserve(counters_.size());
    for (const auto& [name, entry] : counters_) {
      if (auto counter = entry.hold()) open.push_back(std::move(counter));
    }
  }
  runtime_.parked_records().close();
  start_closing(open, deadline);
  const auto all_closed = [&open, closed = std::size_t{0}, this]() mutable {
    while (closed < open.size() && open[closed]->closed()) ++closed;
    return closed == open.size() && runtime_.has_settled();
  };
  const bool in_time = runtime_.wait_until(deadline, all_closed);
  // At the deadline the engines refuse the requests that are left, driven by the timer or by this
  // run().
  for (const auto& counter : open) counter->run();
  if (state_keeper_) state_keeper_->finish();
  runtime_.drop_driver();
  return in_time;
}

// --- A store in doubt

void Node::schedule_look_at_store() {
  runtime_.timer().at(base::monotonic_now() + kLookInterval, [this] { look_at_store(); });
}

/// Cached counters hand out the ids that they hold without asking the store, so they must be told
/// of its doubt (I8). Runs on the timer's thread, which ends before this object does.
void Node::look_at_store() {
  const auto driver = runtime_.driver();
  if (!driver) return;  // Closed.
  const std::string doubt = driver->health().doubt;
  if (doubt.empty()) return schedule_look_at_store();
  std::vector<std::shared_ptr<Counter>> counters;
  {
    const base::Lock lock(mutex_);
    for (const auto& [name, entry] : counters_) {
      if (auto counter = entry.hold()) counters.push_back(std::move(counter));
    }
  }
  for (const auto& counter : counters) counter->doubt_store(doubt);
}

}  // namespace nextid::node
