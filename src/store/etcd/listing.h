// One listing: ranges of counters in the order of their keys, until enough are kept.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "nextid/counter.h"
#include "nextid/error.h"

#include "contract/store_driver.h"
#include "store/etcd/client.h"
#include "store/etcd/keys.h"

namespace nextid::store {

/// Keeps itself alive until `done` was called, on the client's thread. Keys that are no counters
/// are left out, each with a line to `warn`: another program's mistake must not hide all others.
class EtcdListing : public std::enable_shared_from_this<EtcdListing> {
 public:
  using Done = std::function<void(Result<CounterPage>)>;
  using Warn = std::function<void(const std::string&)>;

  static void start(std::shared_ptr<EtcdClient> client, const EtcdKeys& keys,
                    const contract::PageWanted& wanted, Warn warn, Done done);

 private:
  EtcdListing(std::shared_ptr<EtcdClient> client, const EtcdKeys& keys, contract::PageWanted wanted,
              Warn warn, Done done);
  void next_range();
  void take(const EtcdReply& reply);
  void keep(const EtcdEntry& entry);

  const std::shared_ptr<EtcdClient> client_;
  const EtcdKeys keys_;
  const contract::PageWanted wanted_;
  const Warn warn_;
  const Done done_;
  std::string last_;  // The name after which the next range begins.
  CounterPage page_;
};

}  // namespace nextid::store
