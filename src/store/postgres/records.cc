#include "store/postgres/records.h"

#include "base/cat.h"
#include "contract/idempotency.h"
#include "contract/op_check.h"

namespace nextid::store {
namespace {

using base::cat;
using contract::IdempotencyRecord;

/// PostgreSQL has no unsigned 64-bit integers: owners, which are all 64 bits, keep their bits.
std::string column_of(std::uint64_t number) { return cat(static_cast<std::int64_t>(number)); }

}  // namespace

PostgresQuery recall_query(const PostgresTables& tables, const std::string& counter,
                           const std::string& scope, const std::string& key) {
  return {&tables.recall, {contract::key_space(counter, scope), key}};
}

std::optional<PostgresQuery> remember_query(const PostgresTables& tables,
                                            const contract::Remember& op, base::WallMicros now) {
  const IdempotencyRecord& record = op.record;
  if (contract::is_over(record, now)) return std::nullopt;
  return PostgresQuery{
      &tables.remember,
      {contract::key_space(op.counter, op.scope), op.key, column_of(record.range.start()),
       column_of(record.range.count()), column_of(record.range.increment()), cat(record.expires_s),
       column_of(record.owner), cat(contract::whole_seconds(now))}};
}

PostgresQuery tidy_query(const PostgresTables& tables, std::size_t kept, base::WallMicros now) {
  constexpr std::size_t kForEach = 8;
  return {&tables.tidy_records, {cat(contract::whole_seconds(now)), cat(kForEach * kept)}};
}

contract::Remembered remembered(const PostgresRows& rows, base::WallMicros now) {
  if (rows.count() == 0) return {};
  const auto number = [&rows](int column) {
    return static_cast<std::uint64_t>(rows.integer(0, column));
  };
  const IdempotencyRecord record{IdRange(number(0), number(1), number(2)), rows.integer(0, 3),
                                 number(4)};
  if (!contract::has_ids(record)) {
    throw PostgresFailure(PostgresFailure::Effect::kDamaged,
                          "an idempotency key has numbers that nextid never writes, in "
                          "nextid_idempotency; delete its row");
  }
  if (contract::is_over(record, now)) return {};
  return {record};
}

}  // namespace nextid::store
