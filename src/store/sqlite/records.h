// The idempotency table: the records of keys. Knows no locks, commits or threads.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "contract/op.h"
#include "store/sqlite/database.h"

namespace nextid::store {

/// Makes the table, in the transaction that is open.
void create_records_table(Database& database);

/// The table of one connection. A Remember must run inside a transaction; a Recall may run in one
/// that only reads. Both throw SqliteFailure, as SqliteCounters does.
class SqliteRecords {
 public:
  explicit SqliteRecords(Database& database);

  /// `now`, of the store's clock, decides which records have expired.
  contract::Outcome apply(const contract::Recall& op, base::WallMicros now);
  /// With each record that it adds it removes a few that have expired, the earliest first: several,
  /// so that they never pile up, and few, so that it never takes long.
  contract::Outcome apply(const contract::Remember& op, base::WallMicros now);

 private:
  std::optional<contract::IdempotencyRecord> find(const std::string& counter,
                                                  const std::string& key);
  SqliteFailure nonsense(const std::string& counter) const;

  Database& database_;
  Statement select_;
  Statement put_;
  Statement delete_oldest_;
};

}  // namespace nextid::store
