#include "store/sqlite/records.h"

#include <cstdint>
#include <limits>
#include <utility>

#include "nextid/id_range.h"

#include "base/cat.h"
#include "contract/op_check.h"

namespace nextid::store {
namespace {

using base::cat;
using contract::IdempotencyRecord;
using contract::Outcome;
using contract::Remembered;

// A row a key, and an index in the order of expiry, at whose front the records to be removed lie:
// so records with a long retention do not hold up others with a short one. The counter is the
// key_space() of the record; the row of a counter without a name is the store's clock
// (store_clock.h).
constexpr const char* kCreateTable =
    "CREATE TABLE idempotency ("
    " counter TEXT NOT NULL,"
    " key TEXT NOT NULL,"
    " first INTEGER NOT NULL,"
    " count INTEGER NOT NULL,"
    " increment INTEGER NOT NULL,"
    " expires INTEGER NOT NULL,"
    " owner INTEGER NOT NULL,"
    " PRIMARY KEY (counter, key)"
    ") WITHOUT ROWID, STRICT;"
    "CREATE INDEX idempotency_by_expiry ON idempotency (expires)";

constexpr const char* kSelect =
    "SELECT first, count, increment, expires, owner FROM idempotency"
    " WHERE counter = ?1 AND key = ?2";
// Replaces only an expired record: a record in force is answered before it comes to this.
constexpr const char* kPut =
    "REPLACE INTO idempotency (counter, key, first, count, increment, expires, owner)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
constexpr const char* kDeleteOldest =
    "DELETE FROM idempotency WHERE (counter, key) IN"
    " (SELECT counter, key FROM idempotency WHERE expires <= ?1 ORDER BY expires LIMIT 8)";

/// SQLite has no unsigned 64-bit integers: owners, which are all 64 bits, keep their bits.
std::int64_t column_of(std::uint64_t number) { return static_cast<std::int64_t>(number); }

/// The record of the row that `row` stands on, its columns in the order of kSelect.
IdempotencyRecord parse_record(const Statement& row) {
  const auto number = [&row](int column) {
    return static_cast<std::uint64_t>(row.integer(column));
  };
  return {IdRange(number(0), number(1), number(2)), row.integer(3), number(4)};
}

}  // namespace

void create_records_table(Database& database) { database.execute(kCreateTable); }

SqliteRecords::SqliteRecords(Database& database)
    : database_(database),
      select_(database, kSelect),
      put_(database, kPut),
      delete_oldest_(database, kDeleteOldest) {}

Outcome SqliteRecords::apply(const contract::Recall& op, base::WallMicros now) {
  auto record = find(contract::key_space(op.counter, op.scope), op.key);
  if (!record || contract::is_over(*record, now)) return Remembered{};
  return Remembered{std::move(record)};
}

Outcome SqliteRecords::apply(const contract::Remember& op, base::WallMicros now) {
  const std::string counter = contract::key_space(op.counter, op.scope);
  auto existing = find(counter, op.key);
  if (existing && !contract::is_over(*existing, now)) return Remembered{std::move(existing)};
  const IdempotencyRecord& record = op.record;
  if (contract::is_over(record, now)) return Remembered{};
  put_.bind_text(1, counter)
      .bind_text(2, op.key)
      .bind(3, column_of(record.range.start()))
      .bind(4, column_of(record.range.count()))
      .bind(5, column_of(record.range.increment()))
      .bind(6, record.expires_s)
      .bind(7, column_of(record.owner))
      .run();
  delete_oldest_.bind(1, contract::whole_seconds(now)).run();
  return Remembered{record};
}

std::optional<IdempotencyRecord> SqliteRecords::find(const std::string& counter,
                                                     const std::string& key) {
  std::optional<IdempotencyRecord> record;
  select_.bind_text(1, counter).bind_text(2, key);
  while (select_.step()) record = parse_record(select_);
  if (record && !contract::has_ids(*record)) throw nonsense(counter);
  return record;
}

SqliteFailure SqliteRecords::nonsense(const std::string& counter) const {
  return SqliteFailure(SQLITE_CORRUPT,
                       cat(database_.path(), " is damaged: a key of counter '", counter,
                           "' has numbers that nextid never writes; ", kRepair));
}

}  // namespace nextid::store
