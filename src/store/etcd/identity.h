// Whether what answers is still the store that was opened (I8): as each answer shows it.
//
// Three things are compared. The cluster: each answer names its id, which is made with a new
// cluster, also with one that is restored from a snapshot under another token. The revision of the
// data: it only grows, and an answer to a linearizable call is never behind one that was received
// before the call was sent; it falls if a snapshot takes the data back. And the key PREFIX/store,
// which is a condition of each transaction: it has a random text that was made with the store, so a
// prefix that was deleted and filled anew is noticed.
//
// The key also keeps the cluster's id. A store whose cluster is another one is a copy.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "nextid/error.h"

#include "base/mutex.h"
#include "store/etcd/txn.h"

namespace nextid::store {

/// The value of PREFIX/store.
struct EtcdStoreKey {
  std::string identity;  ///< 32 hexadecimal digits, random, for ever.
  std::uint64_t cluster_id = 0;
  /// Ids that counters made from now on skip: see OpenOptions::accept_as_is.
  std::uint64_t skip_for_new = 0;
};

inline constexpr std::int64_t kEtcdFormat = 1;

std::string text_of(const EtcdStoreKey& key);
/// kCorrupt is a clause: a format of a newer version, or a value that nextid never writes.
Result<EtcdStoreKey> parse_store_key(const std::string& text);
std::string new_etcd_identity();

/// Thread-safe.
class EtcdIdentity {
 public:
  /// `url` is for sentences; `on_doubt` is told once, under no lock.
  EtcdIdentity(std::string url, std::function<void(const std::string&)> on_doubt)
      : url_(std::move(url)), on_doubt_(std::move(on_doubt)) {}

  /// The newest revision that was seen: to be read before a call is sent.
  EtcdRevision newest() const noexcept { return newest_; }

  /// Takes in the header of an answer to a linearizable call. Returns doubt().
  std::string take_header(std::uint64_t cluster_id, EtcdRevision revision,
                          EtcdRevision newest_when_sent);

  /// From now on PREFIX/store is watched.
  void opened(EtcdStoreKey key, EtcdRevision mod_revision);

  /// Takes in PREFIX/store as a transaction found it; null where there is none. Returns doubt().
  std::string take_store(const EtcdEntry* entry);

  /// Of PREFIX/store, as it was last seen.
  EtcdRevision store_at() const noexcept { return store_at_; }
  std::uint64_t skip_for_new() const noexcept { return skip_for_new_; }
  /// Of the first answer; 0 before.
  std::uint64_t cluster_id() const noexcept { return cluster_id_; }

  /// Why no id is given any more, for good, without a full stop; empty while there is no such
  /// reason.
  std::string doubt() const;

 private:
  std::string enter_doubt(const std::string& what);

  const std::string url_;
  const std::function<void(const std::string&)> on_doubt_;
  std::atomic<EtcdRevision> newest_{0};
  std::atomic<std::uint64_t> cluster_id_{0};
  std::atomic<EtcdRevision> store_at_{0};
  std::atomic<std::uint64_t> skip_for_new_{0};
  std::atomic<bool> in_doubt_{false};
  mutable base::Mutex mutex_;
  std::string identity_ NEXTID_GUARDED_BY(mutex_);
  std::string doubt_ NEXTID_GUARDED_BY(mutex_);
};

}  // namespace nextid::store
