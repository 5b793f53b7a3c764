// Opening a database of ours, making a new one, and refusing everything else untouched.
#pragma once

#include <memory>
#include <string>

#include "store/inherited_file.h"
#include "store/sqlite_counters.h"
#include "store/sqlite_database.h"
#include "store/sqlite_file_lock.h"
#include "store/sqlite_records.h"

namespace nextid::store {

/// An open database of ours, in WAL mode, with its tables and its lock, which is not held.
/// Destroying it in a forked child would upset the parent's database: leak it there.
struct SqliteFile {
  std::unique_ptr<FileLock> lock;
  std::unique_ptr<Database> database;
  std::unique_ptr<SqliteCounters> counters;
  std::unique_ptr<SqliteRecords> records;
  std::unique_ptr<OpenFileMark> mark;
};

/// Opens `path`, or makes it when it is missing or empty. A file of an older format is brought to
/// the newest; nextid of that time can't open it any more. Throws SqliteFailure, with nothing
/// changed in a file that is not ours or next to it, and nothing left of a file that could not be
/// made. Blocks for at most about contract::kAttemptTimeout while another process holds the lock.
SqliteFile open_sqlite_file(const std::string& path);

}  // namespace nextid::store
