// Idempotency records as queries and rows. Knows no connection and no transaction.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/clock.h"
#include "contract/op.h"
#include "store/postgres/connection.h"
#include "store/postgres/tables.h"

namespace nextid::store {

/// The record under a key, for outcome_of().
PostgresQuery recall_query(const PostgresTables& tables, const std::string& counter,
                           const std::string& scope, const std::string& key);

/// Keeps the record unless there is one in force; to be followed by a recall_query() of the same
/// transaction, which tells the one in force. Nothing where the record itself has expired at `now`.
std::optional<PostgresQuery> remember_query(const PostgresTables& tables,
                                            const contract::Remember& op, base::WallMicros now);

/// Removes some records that have expired, more than were `kept` in the same transaction.
PostgresQuery tidy_query(const PostgresTables& tables, std::size_t kept, base::WallMicros now);

/// What a recall_query() found: nothing that has expired at `now`. Throws PostgresFailure
/// (kDamaged) for numbers that nextid never writes.
contract::Remembered remembered(const PostgresRows& rows, base::WallMicros now);

}  // namespace nextid::store
