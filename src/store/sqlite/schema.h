// The tables of a database of ours, and what tells it from others.
#pragma once

#include <cstdint>
#include <string>

#include "store/sqlite/database.h"

namespace nextid::store {

/// What the first bytes of a file show.
struct SqliteHeader {
  bool is_sqlite = false;
  std::int64_t application_id = 0;
  std::int64_t version = 0;
  bool has_log = false;  ///< Its journal is a write-ahead log, as of every file with a seal.
};

/// Touches neither log nor journal. Throws SqliteFailure.
SqliteHeader read_header(const std::string& path);

/// Throws SqliteFailure, which says what the file is, unless this nextid can open it.
void refuse_unless_ours(const std::string& path, const SqliteHeader& header);

/// Sets up a connection: durable commits, and no checkpoints but ours.
void configure(Database& database);

/// From now on the database has a write-ahead log. Throws SqliteFailure where it can't have one.
void keep_log(Database& database);

/// Makes the schema in an empty file, or brings the one of a file of ours up to date, in the
/// transaction that is open. Throws SqliteFailure.
void set_up_schema(Database& database);

/// Called before a counter is deleted, in the same transaction: from then on releases that know no
/// deletion refuse to open the database. Throws SqliteFailure.
void allow_deleted_counters(Database& database);

}  // namespace nextid::store
