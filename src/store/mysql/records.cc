#include "store/mysql/records.h"

#include <charconv>
#include <utility>

#include "base/cat.h"
#include "base/quoting.h"
#include "contract/op_check.h"
#include "store/mysql/counters.h"
#include "store/mysql/store_row.h"

namespace nextid::store {
namespace {

using base::cat;
using contract::IdempotencyRecord;
using contract::Outcome;
using contract::Remembered;

std::uint64_t unsigned_of(const std::optional<std::string>& column) {
  std::uint64_t number = 0;
  if (column) std::from_chars(column->data(), column->data() + column->size(), number);
  return number;
}

std::string where(const std::string& space, const std::string& key) {
  return cat(" WHERE `space` = ", mysql_literal(space), " AND `key` = ", mysql_literal(key));
}

}  // namespace

std::string select_record_sql(const MysqlTables& tables, const std::string& space,
                              const std::string& key, bool locks) {
  return cat("SELECT `first`, `count`, `increment`, `expires`, `owner` FROM ", tables.idempotency,
             where(space, key), locks ? " FOR UPDATE" : "");
}

std::string remove_expired_sql(const MysqlTables& tables, base::WallMicros now) {
  return cat("DELETE FROM ", tables.idempotency,
             " WHERE `expires` <= ", contract::whole_seconds(now), " ORDER BY `expires` LIMIT 8");
}

MysqlRecord::MysqlRecord(std::string space, std::string key, const MysqlAnswer& selected)
    : space_(std::move(space)), key_(std::move(key)) {
  if (selected.rows.empty()) return;
  const MysqlRow& row = selected.rows.front();
  was_there_ = true;
  record_ =
      IdempotencyRecord{IdRange(unsigned_of(row[0]), unsigned_of(row[1]), unsigned_of(row[2])),
                        integer_of(row[3]), unsigned_of(row[4])};
  if (!contract::has_ids(*record_)) {
    throw MysqlDamage(cat("a key of counter ", base::in_quotes(space_, space_.size()),
                          " has numbers that nextid never writes; look at its row, and at what "
                          "else writes it"));
  }
}

std::optional<IdempotencyRecord> MysqlRecord::in_force(base::WallMicros now) const {
  return record_ && !contract::is_over(*record_, now) ? record_ : std::nullopt;
}

Outcome MysqlRecord::apply(const contract::Recall&, base::WallMicros now) const {
  return Remembered{in_force(now)};
}

Outcome MysqlRecord::apply(const contract::Remember& op, base::WallMicros now) {
  if (auto existing = in_force(now)) return Remembered{std::move(existing)};
  if (contract::is_over(op.record, now)) return Remembered{};
  record_ = op.record;
  has_changed_ = true;
  return Remembered{record_};
}

std::string MysqlRecord::write_sql(const MysqlTables& tables) const {
  const std::string values =
      cat("`first` = ", record_->range.start(), ", `count` = ", record_->range.count(),
          ", `increment` = ", record_->range.increment(), ", `expires` = ", record_->expires_s,
          ", `owner` = ", record_->owner);
  if (was_there_) return cat("UPDATE ", tables.idempotency, " SET ", values, where(space_, key_));
  return cat("INSERT INTO ", tables.idempotency, " SET `space` = ", mysql_literal(space_),
             ", `key` = ", mysql_literal(key_), ", ", values);
}

}  // namespace nextid::store
