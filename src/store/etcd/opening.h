// How a store in etcd is found, made, and taken as it is.
#pragma once

#include <cstdint>
#include <memory>

#include "nextid/error.h"
#include "nextid/log.h"
#include "nextid/statistics.h"

#include "store/etcd/client.h"
#include "store/etcd/url.h"

namespace nextid::store {

struct EtcdOpenOptions {
  bool accept_copy = false;   ///< OpenOptions::accept_copy: the cluster is its own from then on.
  bool accept_as_is = false;  ///< OpenOptions::accept_as_is.
};

struct OpenedEtcd {
  std::shared_ptr<EtcdClient> client;  ///< Its identity watches the store.
  StoreOpening opening;
};

/// Reads PREFIX/store, or makes it: several nodes may do so at the same time. Blocks for
/// kOpeningLimit at worst. Errors: kInvalid (no store and none is to be made, an etcd that is too
/// old), kCorrupt (the store of another cluster, of a newer nextid, or without its key),
/// kUnavailable (unreachable, no rights).
Result<OpenedEtcd> open_etcd(const EtcdSettings& settings, const EtcdOpenOptions& options,
                             const Log& log);

inline constexpr std::chrono::seconds kOpeningLimit{5};

/// Whether etcd says that there is no such store; false where it says nothing.
bool is_etcd_store_missing(const EtcdSettings& settings);

/// Ends a recovery: the store belongs to the cluster that it is in, and counters that are made from
/// now on skip `skip_for_new` ids.
Result<void> end_etcd_recovery(const EtcdSettings& settings, std::uint64_t skip_for_new);

}  // namespace nextid::store
