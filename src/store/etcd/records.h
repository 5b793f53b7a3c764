// Idempotency records: a key each, "first,count,increment,expires,owner", with a lease (leases.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "contract/op.h"
#include "store/etcd/client.h"
#include "store/etcd/keys.h"
#include "store/etcd/leases.h"
#include "store/etcd/txn.h"

namespace nextid::store {

/// Thread-safe. Outcomes come from the client's thread, or before the call returns. Keeps itself
/// alive until all have come.
///
/// A Remember is one transaction, on condition that there is no such key; one that finds an expired
/// record there is made once more, on condition that this record still is there. A late copy of it
/// finds the key, or leaves a record that has expired for every reader.
class EtcdRecords : public std::enable_shared_from_this<EtcdRecords> {
 public:
  using WallClock = std::function<base::WallMicros()>;
  using Done = std::function<void(contract::Outcome)>;

  EtcdRecords(std::shared_ptr<EtcdClient> client, EtcdKeys keys, WallClock wall_clock);

  void recall(contract::Recall op, Done done);
  void remember(contract::Remember op, Done done);

  /// Transactions that write, as sent.
  std::uint64_t writes() const noexcept { return writes_; }

 private:
  struct Work;
  using WorkPtr = std::shared_ptr<Work>;

  void write(const WorkPtr& work, EtcdRevision replaced);
  void put(const WorkPtr& work, EtcdRevision replaced, std::int64_t lease);
  void written(const WorkPtr& work, EtcdReply reply, std::int64_t lease, EtcdRevision replaced);
  contract::Outcome in_force(const std::string& key, const EtcdTxnAnswer& answer,
                             EtcdRevision* expired);

  const std::shared_ptr<EtcdClient> client_;
  const EtcdKeys keys_;
  const WallClock wall_clock_;
  const std::shared_ptr<EtcdLeases> leases_;
  std::atomic<std::uint64_t> writes_{0};
};

}  // namespace nextid::store
