// The three tables of a MySQL store, and the statements that make them.
//
// PREFIX_counters has a row a counter; what other programs may do with it is in docs/mysql.md.
// PREFIX_idempotency has a row an idempotency key. PREFIX_store has one row, whose id is 1:
//   version, identity   of the store, as it was made;
//   skip_for_new        ids that counters made from now on leave out: see end_recovery();
//   server              on which it was opened last: for remarks alone, since what tells servers
//                       apart does not outlive a failover;
//   sealed              when the row was written. MariaDB keeps that moment in row_start, too,
//   which
//                       replication and files' copies bring along, and a dump does not: where the
//                       two differ, the table came out of a dump (I8). MySQL has no such column;
//   probe               counts writes that no other op reads.
#pragma once

#include <cstdint>
#include <string>

#include "store/mysql/url.h"

namespace nextid::store {

/// The version of the tables that this code makes and reads.
inline constexpr std::int64_t kMysqlSchemaVersion = 1;

/// Their names, quoted.
struct MysqlTables {
  explicit MysqlTables(const std::string& prefix);

  std::string counters;
  std::string idempotency;
  std::string store;
};

/// The statements that make the tables where they are missing, each with its end ";\n".
std::string mysql_schema(const MysqlTables& tables);

/// The same for people, with the statements that grant the least rights.
std::string mysql_schema_for_people(const MysqlSettings& settings);

/// "`start`, `increment`, ...": the columns of a definition, which are named as its fields.
std::string mysql_definition_columns();

}  // namespace nextid::store
