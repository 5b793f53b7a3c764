#include "node/idempotent_requests.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/cat.h"
#include "base/mutex.h"
#include "node/random.h"
#include "node/store_call.h"

namespace nextid::node {
namespace {

using base::cat;
using contract::IdempotencyRecord;

/// Once ids are reserved for a key, only closing the store ends the attempts to remember them.
constexpr std::chrono::hours kUntilClosed{24 * 365};

Error conflict(const std::string& key, std::uint64_t asked, std::uint64_t kept) {
  return Error(ErrorCode::kConflict,
               cat("the idempotency key '", key, "' stands for ", kept, " ids, not ", asked,
                   "; use a new key for a new request."));
}

}  // namespace

/// One key from its first request to its answer. Its steps follow one another, so they need no
/// lock; the lock of IdempotentRequests guards the waiters.
class IdempotentRequests::Flow final : public RangeReceiver,
                                       public std::enable_shared_from_this<Flow> {
 public:
  Flow(IdempotentRequests& requests, std::string key, std::uint64_t count,
       base::MonotonicTime deadline)
      : requests_(requests),
        counter_(requests.counter_.share()),
        key_(std::move(key)),
        count_(count),
        deadline_(deadline) {}

  const std::string& key() const noexcept { return key_; }
  std::uint64_t count() const noexcept { return count_; }

  void recall(std::vector<contract::Call>& calls) {
    StoreCall::start(runtime(), contract::Recall{counter_->name(), key_}, deadline_, calls,
                     [self = shared_from_this()](Result<contract::Outcome> outcome) {
                       self->on_recalled(outcome);
                     });
  }

  void on_range(std::uint64_t, Result<IdRange> range) noexcept override {
    const auto self = std::exchange(reserving_, nullptr);
    if (!range) return requests_.finish(self, range.error());
    remember(*range);
  }

  std::vector<Waiter> waiters;

 private:
  Runtime& runtime() noexcept { return requests_.runtime_; }

  void on_recalled(const Result<contract::Outcome>& outcome) {
    const auto record = record_of(outcome);
    if (!record) return requests_.finish(shared_from_this(), record.error());
    if (*record) return answer(**record);
    reserving_ = shared_from_this();
    counter_->reserve(count_, deadline_, *this);
  }

  void remember(const IdRange& range) {
    IdempotencyRecord record;
    record.range = range;
    record.expires_s = runtime().clock_s() + runtime().options().idempotency_retention.count();
    record.owner = random_bits();
    settling_.emplace(runtime().hold_settling());
    StoreCall::run(runtime(), contract::Remember{counter_->name(), key_, record},
                   base::monotonic_now() + kUntilClosed,
                   [self = shared_from_this(), record](Result<contract::Outcome> outcome) {
                     self->on_remembered(record, outcome);
                   });
  }

  void on_remembered(const IdempotencyRecord& own, const Result<contract::Outcome>& outcome) {
    const auto record = record_of(outcome);
    if (!record) {
      counter_->count_as_burned(count_, BurnReason::kDiscard);
      requests_.finish(shared_from_this(), record.error());
    } else if (!*record || (*record)->owner == own.owner) {
      requests_.finish(shared_from_this(), own.range);  // No record: ours has expired already.
    } else {
      counter_->count_as_burned(count_, BurnReason::kIdempotency);
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
                 cat("the record of the idempotency key '", key_,
                     "' can't be used: ", damaged != nullptr ? damaged->why : "no clear answer"));
  }

  void answer(const IdempotencyRecord& record) {
    const std::uint64_t kept = record.range.count();
    requests_.finish(shared_from_this(), kept == count_
                                             ? Result<IdRange>(record.range)
                                             : Result<IdRange>(conflict(key_, count_, kept)));
  }

  IdempotentRequests& requests_;
  const std::shared_ptr<KeyedCounter> counter_;  // Keeps requests_.
  const std::string key_;
  const std::uint64_t count_;
  const base::MonotonicTime deadline_;     // Of the first request: until its ids are reserved.
  std::shared_ptr<Flow> reserving_;        // While the counter holds a reference to this.
  std::optional<Runtime::Hold> settling_;  // From ids reserved to their record.
};

void IdempotentRequests::add(RequestId id, std::uint64_t count, base::MonotonicTime deadline,
                             RangeReceiver& receiver, std::uint64_t tag, const std::string& key) {
  const Waiter waiter{id, deadline, &receiver, tag};
  const base::Lock lock(mutex_);
  if (!is_idempotency_key(key)) {
    refused_.push_back(
        {waiter, Error(ErrorCode::kInvalid,
                       cat("an idempotency key has 1 to 255 bytes of printable ASCII, and not ",
                           key.size(), " of any kind."))});
    return;
  }
  auto& flow = flows_[key];
  if (!flow) {
    flow = std::make_shared<Flow>(*this, key, count, deadline);
    new_flows_.push_back(flow);
  } else if (flow->count() != count) {
    refused_.push_back({waiter, conflict(key, count, flow->count())});
    return;
  }
  flow->waiters.push_back(waiter);
  // Never withdrawn: a timer that finds its flow gone does nothing, and a flow keeps `this` alive.
  runtime_.timer().at(deadline, [weak = std::weak_ptr<Flow>(flow), this] {
    if (const auto alive = weak.lock()) refuse_expired(alive);
  });
}

void IdempotentRequests::pump(std::vector<contract::Call>& calls) {
  std::vector<std::shared_ptr<Flow>> flows;
  std::vector<Refused> refused;
  {
    const base::Lock lock(mutex_);
    flows.swap(new_flows_);
    refused.swap(refused_);
  }
  for (Refused& each : refused) {
    each.waiter.receiver->on_range(each.waiter.tag, std::move(each.error));
  }
  for (const auto& flow : flows) flow->recall(calls);
}

bool IdempotentRequests::cancel(RequestId id) {
  const base::Lock lock(mutex_);
  const auto is_it = [id](const auto& waiter) { return waiter.id == id; };
  for (const auto& [key, flow] : flows_) {
    if (std::erase_if(flow->waiters, is_it) > 0) return true;
  }
  return std::erase_if(refused_, [&](const Refused& each) { return is_it(each.waiter); }) > 0;
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
                                        flow->key(), "' in time; repeat the request with it.")));
  }
}

void IdempotentRequests::finish(const std::shared_ptr<Flow>& flow, const Result<IdRange>& answer) {
  std::vector<Waiter> waiters;
  {
    // In one hold of the lock: a request that joined between the two would get no answer.
    const base::Lock lock(mutex_);
    flows_.erase(flow->key());
    waiters.swap(flow->waiters);
  }
  for (const Waiter& waiter : waiters) waiter.receiver->on_range(waiter.tag, answer);
}

}  // namespace nextid::node
