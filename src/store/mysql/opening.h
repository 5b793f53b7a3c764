// The first look at a store: whether it is there, whether it is ours to use, and how it is made.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "nextid/error.h"
#include "nextid/statistics.h"

#include "store/mysql/session.h"

namespace nextid::store {

/// Finds or makes the store, and tells `shared` its identity. Throws MysqlFailure; errors that it
/// returns are kInvalid and kCorrupt.
Result<StoreOpening> open_mysql_store(const std::shared_ptr<MysqlShared>& shared);

/// Whether the database is there, and the store's row is not. Throws MysqlFailure.
bool is_mysql_store_missing(const std::shared_ptr<MysqlShared>& shared);

/// The store opens for everyone again. Throws MysqlFailure.
void end_mysql_recovery(const std::shared_ptr<MysqlShared>& shared, std::uint64_t skip_for_new);

}  // namespace nextid::store
