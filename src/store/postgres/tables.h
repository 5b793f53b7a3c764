// The tables of a PostgreSQL store, and the statements that use them.
//
//   nextid_counters     a row a counter. `slots` has, for each writer (16 hexadecimal digits), the
//                       seq and the end of its last op. A deleted counter has a revision below 0.
//   nextid_idempotency  a row a key, under its counter and scope (contract::key_space)
//   nextid_store        one row: which store this is
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/postgres/connection.h"

namespace nextid::store {

/// The newest form of the tables that this program knows.
inline constexpr std::int64_t kPostgresFormat = 1;

/// Names and statements for the tables of one schema.
struct PostgresTables {
  explicit PostgresTables(const std::string& schema_name);

  std::string schema;  ///< Quoted.
  std::string counters;
  std::string records;
  std::string store;

  // Of the row of `store`.
  PostgresStatement read_store;  ///< format, identity, system, skip_for_new; no parameters
  PostgresStatement touch;       ///< TryWrite's write

  // Of one counter. The columns that they return begin with kState of counters.cc.
  PostgresStatement reserve;         ///< A Reserve, whole
  PostgresStatement select;          ///< name, writer
  PostgresStatement select_to_load;  ///< name, writer, oldest seq kept
  PostgresStatement select_to_write;
  PostgresStatement prune;  ///< name, writer, oldest seq kept
  PostgresStatement insert;
  PostgresStatement update;
  PostgresStatement list;  ///< name before, deleted, limit

  // Of one key.
  PostgresStatement recall;
  PostgresStatement remember;
  PostgresStatement tidy_records;
};

/// The statements that bring tables of the format `found` to kPostgresFormat; 0: there are none
/// yet. To be run in one transaction.
std::vector<std::string> upgrade_statements(const PostgresTables& tables, std::int64_t found);

/// The same for people, with the rights that `role` (quoted) needs at least.
std::string schema_script(const PostgresTables& tables, const std::string& role);

/// "name" quoted as an identifier.
std::string quoted_name(const std::string& name);

/// The statements of schema_script() that grant.
std::string grants(const PostgresTables& tables, const std::string& role);

}  // namespace nextid::store
