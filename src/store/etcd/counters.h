// The ops on counters, as transactions of etcd.
//
// Each op that writes is one transaction. Its conditions: PREFIX/store and the counter's key are at
// the revisions at which they were read, and so is the writer's slot, or it is still missing. What
// is written follows from what was read by contract/transition.h. As every write of a slot is one
// of its counter's key, what was read is what there is when the conditions hold; and as a revision
// never comes again, no late copy of a transaction finds its conditions true (I1, I2).
//
// etcd can't add. So two nodes that write one counter at the same time are in each other's way: the
// conditions of one do not hold. A transaction that etcd answers with "not succeeded" certainly did
// nothing; it brings what there is now, and is tried again with that in the same attempt, after a
// short random pause from the second time on, and not for ever.
//
// In steady state the counter is as this node's own last transaction left it: then an op takes one
// round trip. Ops of one counter wait for each other here, since they could only be in each other's
// way in etcd.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "contract/op.h"
#include "contract/transition.h"
#include "store/etcd/client.h"
#include "store/etcd/keys.h"
#include "store/etcd/txn.h"

namespace nextid::store {

/// Thread-safe. Outcomes come from the client's thread, or before attempt() returns. Keeps itself
/// alive until all have come. An attempt takes at most kRoundTrips times the attempt_timeout, from
/// when the ops of its counter before it have ended.
class EtcdCounters : public std::enable_shared_from_this<EtcdCounters> {
 public:
  using WallClock = std::function<base::WallMicros()>;
  using Done = std::function<void(contract::Outcome)>;

  static constexpr int kRoundTrips = 2;
  /// Transactions of one attempt that others were faster than.
  static constexpr int kMostRaces = 64;

  EtcdCounters(std::shared_ptr<EtcdClient> client, EtcdKeys keys, WallClock wall_clock);

  template <typename Op>
  void attempt(Op op, Done done);

  /// Transactions that write, as sent.
  std::uint64_t writes() const noexcept { return writes_; }

 private:
  /// A counter as one writer sees it, and the revisions that its keys are at; 0 where there is
  /// none.
  struct Seen {
    contract::WriterId writer = 0;
    EtcdRevision counter_at = 0;
    EtcdRevision slot_at = 0;
    std::optional<contract::CounterState> state = {};
  };
  struct Work;
  using WorkPtr = std::shared_ptr<Work>;
  struct Lane {
    bool is_busy = false;
    std::deque<WorkPtr> waiting;
    std::optional<Seen> known;  ///< As this node's last transaction left it.
  };

  void enqueue(WorkPtr work);
  void begin(const WorkPtr& work);
  void read(const WorkPtr& work);
  void decide(const WorkPtr& work, Seen seen, bool is_fresh);
  void write(const WorkPtr& work, Seen seen, contract::Transition transition);
  void written(const WorkPtr& work, EtcdReply reply, Seen after, contract::Outcome outcome);
  void raced(const WorkPtr& work, const EtcdTxnAnswer& answer);
  void failed(const WorkPtr& work, EtcdReply reply);
  void filled_up(const WorkPtr& work, EtcdReply reply);
  void prune(const WorkPtr& work, const EtcdRange& slots, Seen seen);
  void finish(const WorkPtr& work, contract::Outcome outcome, std::optional<Seen> known);
  Result<Seen> seen_in(const Work& work, const std::vector<EtcdRange>& ranges);
  void add_reads(const Work& work, EtcdTxn& txn, bool as_success) const;
  void send(const WorkPtr& work, const EtcdTxn& txn, std::function<void(EtcdReply)> done);

  const std::shared_ptr<EtcdClient> client_;
  const EtcdKeys keys_;
  const WallClock wall_clock_;
  std::atomic<std::uint64_t> writes_{0};

  base::Mutex mutex_;
  std::unordered_map<std::string, Lane> lanes_ NEXTID_GUARDED_BY(mutex_);
};

}  // namespace nextid::store
