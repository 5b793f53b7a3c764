// Leases with which etcd removes idempotency records some time after they have expired. They only
// tidy: a record that has expired counts as absent whether it is there or not.
//
// A lease is a write of etcd's, so records share one: it outlives the first of them by a quarter of
// that one's time, and serves all whose expiry it covers until then.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "nextid/error.h"

#include "base/mutex.h"
#include "store/etcd/client.h"

namespace nextid::store {

/// Thread-safe. Keeps itself alive until all have been answered.
class EtcdLeases : public std::enable_shared_from_this<EtcdLeases> {
 public:
  using Done = std::function<void(Result<std::int64_t>)>;

  explicit EtcdLeases(std::shared_ptr<EtcdClient> client) : client_(std::move(client)) {}

  /// Gives the id of a lease that ends after `expires_s`, or a clause that says why there is none.
  /// `now_s` is by the same clock.
  void find(std::int64_t expires_s, std::int64_t now_s, Done done);

  /// The lease is gone, as etcd says.
  void forget(std::int64_t id);

 private:
  struct Lease {
    std::int64_t id = 0;
    std::int64_t ends_s = 0;
  };
  /// Those of about the same remaining time.
  struct Group {
    Lease lease;
    bool asking = false;
    std::vector<Done> waiting;
  };

  void granted(int group, std::int64_t ends_s, const EtcdReply& reply);

  const std::shared_ptr<EtcdClient> client_;
  base::Mutex mutex_;
  std::map<int, Group> groups_ NEXTID_GUARDED_BY(mutex_);
};

}  // namespace nextid::store
