// Whether the tables that a connection finds are those that were opened (I8).
//
// nextid_store has a random text that was made with the tables, and the system identifier of the
// cluster in which they were last opened, which all its standbys have. It is read with each new
// connection, and in the transaction of each op that may begin something: Load, Define and what
// changes a definition. A Reserve needs no look: its condition finds the writer's slot, a random
// number that only these tables have.
//
// Tables that are gone, or have another identity, a copy on another cluster, and tables that a
// newer nextid has brought to its own format meanwhile, are refused for good. A standby that was
// promoted without having all is known by the engines, which find their slots set back.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "nextid/log.h"

#include "base/mutex.h"
#include "store/postgres/connection.h"
#include "store/postgres/session.h"

namespace nextid::store {

/// The row of nextid_store.
struct PostgresStoreRow {
  std::int64_t format = 0;
  std::string identity = {};
  std::string system = {};  ///< Empty: not known.
  std::uint64_t skip_for_new = 0;
};

/// From the rows of PostgresTables::read_store. Throws PostgresFailure (kDamaged) if there is not
/// just one.
PostgresStoreRow store_row_of(const PostgresRows& rows);

/// Thread-safe.
class PostgresIdentity {
 public:
  struct Names {
    std::string identity;  ///< As the opening found it.
    std::string system;    ///< The cluster's, which it may not tell.
    std::string url;       ///< Of the store, for the command that accepts it as it is.
  };
  PostgresIdentity(Names names, Log log) : names_(std::move(names)), log_(std::move(log)) {}

  /// The rows of read_store, on a cluster with that system identifier. Throws PostgresFailure
  /// (kDamaged) if they are another store's, or of a newer format; from then on it is in doubt.
  PostgresStoreRow check(const PostgresRows& rows, const std::string& system);
  /// The tables were not found: that is another store, too.
  [[noreturn]] void tables_are_gone();

  /// Why no id is given any more, without a full stop; empty while there is no such reason. Cheap
  /// while there is none.
  std::string doubt() const;

 private:
  [[noreturn]] void refuse_other(const std::string& what);
  [[noreturn]] void refuse(std::string doubt);

  const Names names_;
  const Log log_;
  std::atomic<bool> in_doubt_{false};  // doubt_ is not empty, and will not change.
  mutable base::Mutex mutex_;
  std::string doubt_ NEXTID_GUARDED_BY(mutex_);
};

}  // namespace nextid::store
