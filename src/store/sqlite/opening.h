// Opening a database of ours, making a new one, and refusing everything else untouched.
#pragma once

#include <memory>
#include <string>

#include "nextid/statistics.h"

#include "store/sqlite/counters.h"
#include "store/sqlite/database.h"
#include "store/sqlite/file_lock.h"
#include "store/sqlite/guard.h"
#include "store/sqlite/main_file.h"
#include "store/sqlite/records.h"
#include "store/sqlite/store_clock.h"

namespace nextid::store {

/// An open database of ours, in WAL mode, with its tables and its lock, which is not held.
/// Destroying it in a forked child would upset the parent's database: leak it there.
/// close_sqlite_file() ends it in good order; without that it ends as if its process was killed.
struct SqliteFile {
  std::unique_ptr<MainFile> main_file;  // Closed last: see there.
  std::unique_ptr<FileLock> lock;
  std::unique_ptr<Database> database;
  std::unique_ptr<SqliteCounters> counters;
  std::unique_ptr<SqliteRecords> records;
  std::unique_ptr<SqliteGuard> guard;
  std::shared_ptr<StoreClock> clock;
  std::unique_ptr<ClockRow> clock_row;
  StoreOpening opening;
};

struct SqliteOpenOptions {
  bool create = true;  ///< As store::OpenOptions.
  bool accept_copy = false;
  bool accept_as_is = false;
};

/// The one absolute name of a file that exists or can be made, so that all its users lock the same
/// side file and a later change of the working directory does not matter. Throws SqliteFailure.
std::string resolve_sqlite_path(const std::string& given);

/// What open_sqlite_file() would throw where there is no database at `given`, because of what is
/// left of an earlier one, or because its directory is missing. Makes nothing. Not for a process
/// that has that database open: its locks on the lock file would end.
void refuse_remains(const std::string& given);

/// Opens `path`, or makes it when it is missing or empty. A file of an older format is brought to
/// the newest; older versions of nextid can't open it any more. Throws SqliteFailure, with nothing
/// changed in a file that is not ours or next to it, and nothing left of a file that could not be
/// made. A file in doubt (doubt.h) is such a failure, with SQLITE_CORRUPT, before any id can leave;
/// SqliteOpenOptions::accept_as_is takes it, sets a log that does not belong to it aside, and marks
/// it as past until end_recovery(). Blocks for five seconds at most while others hold the lock.
SqliteFile open_sqlite_file(const std::string& path, const SqliteOpenOptions& options = {},
                            MachineClocks clocks = {});

/// Ends the use of a file. The last process to use it leaves a main file that is whole, and no log.
/// Never throws: what can't be done now is found again at the next opening.
void close_sqlite_file(SqliteFile file, std::chrono::milliseconds limit) noexcept;

/// The file is no longer past: it opens for everyone again, and counters made from then on leave
/// out their first `skip_for_new` ids. Throws SqliteFailure.
void end_recovery(SqliteFile& file, std::uint64_t skip_for_new);

}  // namespace nextid::store
