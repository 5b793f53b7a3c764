// The rows of idempotency keys. Statements and values alone; knows no connection.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "contract/op.h"
#include "store/mysql/connection.h"
#include "store/mysql/schema.h"

namespace nextid::store {

/// Reads the record of a key; with `locks`, it stays as it is until the transaction ends. `space`
/// is contract::key_space().
std::string select_record_sql(const MysqlTables& tables, const std::string& space,
                              const std::string& key, bool locks);

/// Removes some that have expired, the earliest first: several, so that they never pile up, and
/// few, so that it never takes long.
std::string remove_expired_sql(const MysqlTables& tables, base::WallMicros now);

/// A row in memory, as MysqlCounter.
class MysqlRecord {
 public:
  /// Throws MysqlDamage.
  MysqlRecord(std::string space, std::string key, const MysqlAnswer& selected);

  contract::Outcome apply(const contract::Recall& op, base::WallMicros now) const;
  contract::Outcome apply(const contract::Remember& op, base::WallMicros now);

  bool has_changed() const noexcept { return has_changed_; }
  /// As MysqlCounter::write_sql().
  std::string write_sql(const MysqlTables& tables) const;

 private:
  std::optional<contract::IdempotencyRecord> in_force(base::WallMicros now) const;

  std::string space_;
  std::string key_;
  std::optional<contract::IdempotencyRecord> record_;
  bool was_there_ = false;
  bool has_changed_ = false;
};

}  // namespace nextid::store
