// The one row that tells which store the tables are (schema.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "store/mysql/connection.h"
#include "store/mysql/schema.h"

namespace nextid::store {

struct MysqlStoreRow {
  std::int64_t version = 0;
  std::string identity;
  std::uint64_t skip_for_new = 0;
  std::string server;        ///< On which the store was opened last.
  bool is_restored = false;  ///< The table came out of a dump.
};

/// The statement that reads it.
std::string store_row_sql(const MysqlTables& tables, bool is_mariadb);

/// Nothing where there is no row.
std::optional<MysqlStoreRow> store_row_of(const MysqlAnswer& answer);

/// The statement that adds a row with a random identity, unless there is one.
std::string make_store_row_sql(const MysqlTables& tables);

/// The write that no other op reads.
std::string probe_sql(const MysqlTables& tables);

/// What an integer column has; 0 where it has none.
std::int64_t integer_of(const std::optional<std::string>& column);

}  // namespace nextid::store
