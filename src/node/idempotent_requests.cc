#include "node/idempotent_requests.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/cat.h"
#include "base/mutex.h"
#include "node/random.h"
#include "node/record_write.h"
#include "node/store_call.h"

namespace nextid::node {
namespace {

using base::cat;
using contract::IdempotencyRecord;

Error conflict(const std::string& key, std::uint64_t asked, std::uint64_t kept) {
  return Error(ErrorCode::kConflict,
               cat("the idempotency key '", key, "' stands for ", kept, " ids, not ", asked,
                   "; use a new key for a new request."));
}

}  // namespace

Error too_many_settling() {
  return Error(ErrorCode::kOverloaded,
               cat("this node has ", Runtime::kMostSettlingKeys,
                   " idempotency keys whose records are not written yet, which is its bound; try "
                   "again soon, or elsewhere."));
}

/// One key from its first request to its answer. Its steps follow one another, so they need no
/// lock; the lock of IdempotentRequests guards the public members.
class IdempotentRequests::Flow final : public RangeReceiver,
                                       public std::enable_shared_from_this<Flow> {
 public:
  Flow(IdempotentRequests& requests, RequestKey key, std::uint64_t count,
       base::MonotonicTime deadline)
      : requests_(requests),
        counter_(requests.counter_.share()),
        key_(std::move(key)),
        count_(count),
        deadline_(deadline) {}

  const std::string& text() const noexcept { return key_.text; }
  Name name() const { return {key_.scope, key_.text}; }
  std::uint64_t count() const noexcept { return count_; }

  void recall(std::vector<contract::Call>& calls) {
    StoreCall::start(runtime(), contract::Recall{counter_->name(), key_.text, key_.scope},
                     deadline_, calls,
                     [self = shared_from_this()](Result<contract::Outcome> outcome) {
                       self->on_recalled(outcome);
                     });
  }

  void on_range(std::uint64_t, Result<IdRange> range) noexcept override {
    const auto self = std::exchange(reserving_, nullptr);
    if (range) return remember(*range);
    if (key_.quota) key_.quota->give_back();
    requests_.finish(self, range.error());
    settling_.reset();
  }

  std::vector<Waiter> waiters;
  std::shared_ptr<RecordWrite> record_write;  // Null before ids are reserved.

 private:
  Runtime& runtime() noexcept { return requests_.runtime_; }

  void on_recalled(const Result<contract::Outcome>& outcome) {
    const auto record = record_of(outcome);
    if (!record) return refuse(record.error());
    if (*record) return answer(**record);
    if (requests_.drop_unless_waited_for(*this)) return;
    if (const auto admitted = admit(); !admitted) {
      return refuse(admitted.error());
    }
    reserving_ = shared_from_this();
    counter_->reserve(count_, deadline_, *this);
  }

  // The key is new.
  Result<void> admit() {
    auto hold = runtime().hold_settling();
    if (!hold) return too_many_settling();
    if (key_.quota) {
      if (auto taken = key_.quota->take(); !taken) return taken;
    }
    settling_.emplace(*std::move(hold));
    return {};
  }

  void remember(const IdRange& range) {
    IdempotencyRecord record;
    record.range = range;
    record.expires_s = runtime().clock_s() + runtime().options().idempotency_retention.count();
    record.owner = random_bits();
    const auto write = std::make_shared<RecordWrite>(
        runtime(), contract::Remember{counter_->name(), key_.text, record, key_.scope},
        base::monotonic_now() + runtime().options().idempotency_retention,
        [weak = weak_from_this()] {
          const auto flow = weak.lock();
          return flow && flow->requests_.is_waited_for(*flow);
        },
        [self = shared_from_this(), record](Result<contract::Outcome> outcome) {
          self->on_remembered(record, outcome);
        });
    {
      const base::Lock lock(requests_.mutex_);
      record_write = write;
    }
    write->begin();
  }

  void on_remembered(const IdempotencyRecord& own, const Result<contract::Outcome>& outcome) {
    const auto record = record_of(outcome);
    if (!record) {
      counter_->count_as_burned(count_, BurnReason::kIdempotency);
      requests_.finish(shared_from_this(), record.error());
    } else if (!*record) {
      // Ours has expired already, and nobody else will find these ids.
      const bool is_answer = requests_.finish(shared_from_this(), own.range);
      if (!is_answer) counter_->count_as_burned(count_, BurnReason::kIdempotency);
    } else if ((*record)->owner == own.owner) {
      requests_.finish(shared_from_this(), own.range);
    } else {
      counter_->count_as_burned(count_, BurnReason::kIdempotency);
      if (key_.quota) key_.quota->give_back();
      answer(**record);
    }
    settling_.reset();  // Last: from here on the store may close.
  }

  Result<std::optional<IdempotencyRecord>> record_of(
      const Result<contract::Outcome>& outcome) const {
    if (!outcome) return outcome.error();
    if (const auto* remembered = std::get_if<contract::Remembered>(&*outcome)) {
      return remembered->record;
    }
    const auto* damaged = std::get_if<contract::Damaged>(&*outcome);
    return Error(ErrorCode::kCorrupt,
                 cat("the record of the idempotency key '", key_.text,
                     "' can't be used: ", damaged != nullptr ? damaged->why : "no clear answer"));
  }

  void refuse(const Error& error) { requests_.finish(shared_from_this(), error); }

  void answer(const IdempotencyRecord& record) {
    const std::uint64_t kept = record.range.count();
    requests_.finish(shared_from_this(), kept == count_
                                             ? Result<IdRange>(record.range)
                                             : Result<IdRange>(conflict(key_.text, count_, kept)));
  }

  IdempotentRequests& requests_;
  const std::shared_ptr<KeyedCounter> counter_;  // Keeps requests_.
  const RequestKey key_;
  const std::uint64_t count_;
  const base::MonotonicTime deadline_;     // Of the first request: until its ids are reserved.
  std::shared_ptr<Flow> reserving_;        // While the counter holds a reference to this.
  std::optional<Runtime::Hold> settling_;  // From the reservation to the record.
};

void IdempotentRequests::add(RequestId id, const RequestKey& key, std::uint64_t count,
                             base::MonotonicTime deadline, RangeReceiver& receiver,
                             std::uint64_t tag) {
  const Waiter waiter{id, deadline, &receiver, tag};
  const base::Lock lock(mutex_);
  if (!is_idempotency_key(key.text)) {
    refused_.push_back(
        {waiter, Error(ErrorCode::kInvalid,
                       cat("an idempotency key has 1 to 255 bytes of printable ASCII, and not ",
                           key.text.size(), " of any kind."))});
    return;
  }
  auto& flow = flows_[{key.scope, key.text}];
  if (!flow) {
    flow = std::make_shared<Flow>(*this, key, count, deadline);
    new_flows_.push_back(flow);
  } else if (flow->count() != count) {
    refused_.push_back({waiter, conflict(key.text, count, flow->count())});
    return;
  } else if (flow->waiters.empty()) {
    joined_flows_.push_back(flow);
  }
  flow->waiters.push_back(waiter);
  // Never withdrawn: a timer that finds its flow gone does nothing, and a flow keeps `this` alive.
  runtime_.timer().at(deadline, [weak = std::weak_ptr<Flow>(flow), this] {
    if (const auto alive = weak.lock()) refuse_expired(alive);
  });
}

void IdempotentRequests::pump(std::vector<contract::Call>& calls) {
  std::vector<std::shared_ptr<Flow>> flows;
  std::vector<std::shared_ptr<RecordWrite>> to_hurry;
  std::vector<Refused> refused;
  {
    const base::Lock lock(mutex_);
    flows.swap(new_flows_);
    for (const auto& flow : std::exchange(joined_flows_, {})) {
      if (flow->record_write) to_hurry.push_back(flow->record_write);
    }
    refused.swap(refused_);
  }
  for (Refused& each : refused) {
    each.waiter.receiver->on_range(each.waiter.tag, std::move(each.error));
  }
  for (const auto& flow : flows) flow->recall(calls);
  for (const auto& write : to_hurry) write->hurry(calls);
}

bool IdempotentRequests::cancel(RequestId id) {
  const base::Lock lock(mutex_);
  const auto is_it = [id](const auto& waiter) { return waiter.id == id; };
  for (const auto& [name, flow] : flows_) {
    if (std::erase_if(flow->waiters, is_it) > 0) return true;
  }
  return std::erase_if(refused_, [&](const Refused& each) { return is_it(each.waiter); }) > 0;
}

bool IdempotentRequests::is_waited_for(const Flow& flow) const {
  const base::Lock lock(mutex_);
  return !flow.waiters.empty();
}

// Nothing is reserved for it yet, so nothing is lost.
bool IdempotentRequests::drop_unless_waited_for(const Flow& flow) {
  const base::Lock lock(mutex_);
  if (!flow.waiters.empty()) return false;
  flows_.erase(flow.name());
  return true;
}

void IdempotentRequests::refuse_expired(const std::shared_ptr<Flow>& flow) {
  const base::MonotonicTime now = base::monotonic_now();
  std::vector<Waiter> expired;
  {
    const base::Lock lock(mutex_);
    std::erase_if(flow->waiters, [&](const Waiter& waiter) {
      if (waiter.deadline > now) return false;
      expired.push_back(waiter);
      return true;
    });
  }
  for (const Waiter& waiter : expired) {
    waiter.receiver->on_range(
        waiter.tag,
        Error(ErrorCode::kDeadline, cat("the store did not settle the idempotency key '",
                                        flow->text(), "' in time; repeat the request with it.")));
  }
}

bool IdempotentRequests::finish(const std::shared_ptr<Flow>& flow, const Result<IdRange>& answer) {
  std::vector<Waiter> waiters;
  {
    // In one hold of the lock: a request that joined between the two would get no answer.
    const base::Lock lock(mutex_);
    flows_.erase(flow->name());
    waiters.swap(flow->waiters);
  }
  for (const Waiter& waiter : waiters) waiter.receiver->on_range(waiter.tag, answer);
  return !waiters.empty();
}

}  // namespace nextid::node
