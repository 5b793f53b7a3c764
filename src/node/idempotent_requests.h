// The requests of one counter that came with an idempotency key.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nextid/id_generator.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "contract/idempotency.h"
#include "contract/store_driver.h"
#include "node/request_key.h"
#include "node/runtime.h"

namespace nextid::node {

/// The counter whose ids the keys stand for, as IdempotentRequests know it.
class KeyedCounter {
 public:
  virtual const std::string& name() const noexcept = 0;
  /// Keeps the counter alive, and what it owns.
  virtual std::shared_ptr<KeyedCounter> share() = 0;
  /// Asks the counter for ids; the answer goes to `receiver`, perhaps before this returns.
  virtual void reserve(std::uint64_t count, base::MonotonicTime deadline,
                       RangeReceiver& receiver) = 0;
  /// `count` ids that were reserved reach no caller.
  virtual void count_as_burned(std::uint64_t count, BurnReason reason) = 0;

 protected:
  ~KeyedCounter() = default;
};

/// Requests with equal keys of one scope join. The first one recalls the key's record from the
/// store; if there is none, it reserves ids as any request does, and has the store remember them
/// under the key. Then all are answered. If another node was faster with the same key, its ids are
/// the answer, and ours are burned as kIdempotency. So all requests with one key get the same ids,
/// whatever is lost (I1, except for these replays).
///
/// A key that is new is refused, with nothing reserved, at its quota or at the bound on keys whose
/// records are not written. Once ids are reserved for a key, the store is made to remember them
/// even if no request waits any more, within the record's own time: a client that asks again gets
/// them. Then they are burned as kIdempotency.
///
/// Thread-safe. Calls receivers and the store with no lock held.
class IdempotentRequests {
 public:
  /// `counter` owns this object, and is kept alive by each call of the runtime that uses it.
  IdempotentRequests(KeyedCounter& counter, Runtime& runtime)
      : counter_(counter), runtime_(runtime) {}

  /// Queues a request; nothing is sent and no receiver is called before the next pump().
  void add(RequestId id, const RequestKey& key, std::uint64_t count, base::MonotonicTime deadline,
           RangeReceiver& receiver, std::uint64_t tag);
  /// Delivers the answers that are due, and appends to `calls` what the store is to be asked.
  void pump(std::vector<contract::Call>& calls);
  /// See IdGenerator::cancel().
  bool cancel(RequestId id);

 private:
  class Flow;
  using Name = std::pair<std::string, std::string>;  // A scope and a text.

  struct Waiter {
    RequestId id = 0;
    base::MonotonicTime deadline;
    RangeReceiver* receiver = nullptr;
    std::uint64_t tag = 0;
  };
  struct Refused {
    Waiter waiter;
    Error error;
  };

  bool is_waited_for(const Flow& flow) const;
  bool drop_unless_waited_for(const Flow& flow);
  void refuse_expired(const std::shared_ptr<Flow>& flow);
  /// False where nobody waited for the answer.
  bool finish(const std::shared_ptr<Flow>& flow, const Result<IdRange>& answer);

  KeyedCounter& counter_;
  Runtime& runtime_;
  mutable base::Mutex mutex_;
  std::map<Name, std::shared_ptr<Flow>> flows_ NEXTID_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<Flow>> new_flows_ NEXTID_GUARDED_BY(mutex_);     // Not sent yet.
  std::vector<std::shared_ptr<Flow>> joined_flows_ NEXTID_GUARDED_BY(mutex_);  // Not hurried yet.
  std::vector<Refused> refused_ NEXTID_GUARDED_BY(mutex_);                     // Not told yet.
};

}  // namespace nextid::node
