// Ops on counters as queries, and rows as states. Knows no connection and no transaction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "nextid/counter.h"

#include "base/clock.h"
#include "contract/op.h"
#include "contract/store_driver.h"
#include "contract/transition.h"
#include "store/postgres/connection.h"
#include "store/postgres/tables.h"

namespace nextid::store {

/// A Reserve as one conditional write: the rules of contract/op.h are in its WHERE (I1, I6, I7). It
/// returns the new value, or no row if some condition did not hold.
PostgresQuery reserve_query(const PostgresTables& tables, const contract::Reserve& op);

/// The row of a counter, as `statement` selects it: tables.select or tables.select_to_write.
PostgresQuery select_query(const PostgresStatement& statement, const std::string& counter,
                           contract::WriterId writer);
/// The same for a Load; is_to_be_pruned() tells whether prune_query() has something to do.
PostgresQuery load_query(const PostgresTables& tables, const contract::Load& op,
                         base::WallMicros now);
bool is_to_be_pruned(const PostgresRows& rows);
/// Removes idle slots, raises the floor to the newest of them, and returns the row as it is then.
PostgresQuery prune_query(const PostgresTables& tables, const contract::Load& op,
                          base::WallMicros now);

/// Makes a change to a counter whose row is locked, or that was not there. Changes no row if
/// somebody else made the counter meanwhile.
PostgresQuery change_query(const PostgresTables& tables, const std::string& counter,
                           contract::WriterId writer,
                           const std::optional<contract::CounterState>& before,
                           const contract::Change& change);

PostgresQuery list_query(const PostgresTables& tables, const contract::PageWanted& wanted);

/// The state of `counter` in the row that a query above returned; nothing where there is no row.
/// Throws PostgresFailure (kDamaged) for numbers that nextid never writes.
std::optional<contract::CounterState> state_of(const PostgresRows& rows,
                                               const std::string& counter);
CounterPage page_of(const PostgresRows& rows, std::size_t limit);

}  // namespace nextid::store
