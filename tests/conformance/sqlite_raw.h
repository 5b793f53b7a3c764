// An SQLite connection of somebody else: a shell, a backup, another program.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <sqlite3.h>

#include "store/sqlite/store.h"

namespace nextid::test {

class RawConnection {
 public:
  explicit RawConnection(const std::string& path);

  /// Throws std::runtime_error when SQLite refuses.
  void execute(const std::string& sql);
  /// The first column of the first row; 0 without rows.
  std::int64_t integer(const std::string& sql);
  /// Leaves the WAL as it is when this closes.
  void keep_wal_at_close();

 private:
  struct Close {
    void operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }
  };
  std::unique_ptr<sqlite3, Close> db_;
};

/// What lies in a directory: names and bytes; "/" for what is no regular file.
std::map<std::string, std::string> snapshot(const std::string& directory);

/// Makes a database as nextid made it before it kept idempotency records: format version 1. It has
/// the counter 'orders' at 42, with a floor of 3 and a slot of writer 7, whose op 5 ended there;
/// and the counter 'other', not used yet. `mode` is the journal mode; in WAL all of it is in the
/// log.
void make_version_1(const std::string& path, const std::string& mode = "WAL");

void write_file(const std::string& path, const std::string& bytes);
std::string read_file(const std::string& path);

/// Opens the store and expects that it works.
std::shared_ptr<store::SqliteStore> open_sqlite(const std::string& path);

}  // namespace nextid::test
