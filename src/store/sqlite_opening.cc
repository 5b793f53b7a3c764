#include "store/sqlite_opening.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "base/clock.h"
#include "contract/store_driver.h"

namespace nextid::store {
namespace {

constexpr std::int64_t kApplicationId = 0x6e786964;  // "nxid"
// 1: counters. 2: idempotency records, too.
constexpr std::int64_t kSchemaVersion = 2;

// The smallest page: a commit writes one to the WAL, and the fewer disk blocks that touches, the
// sooner it is on the disk. (Rows with names of over about 40 bytes spill into a second one.) Only
// new files take it up.
constexpr const char* kPageSize = "PRAGMA page_size = 512";
// A WAL that grew past this while some reader kept it from being reused is cut back afterwards.
constexpr const char* kConfiguration =
    "PRAGMA synchronous = FULL; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;"
    "PRAGMA journal_size_limit = 8388608; PRAGMA cell_size_check = ON";

constexpr std::array<const char*, 3> kSideFiles{"-journal", "-wal", "-shm"};

std::optional<struct stat> status_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) return status;
  if (errno == ENOENT) return std::nullopt;
  throw SqliteFailure(SQLITE_CANTOPEN, "can't open " + path + ": " + std::strerror(errno) +
                                           "; check the path and its permissions");
}

/// The one absolute name of the file, so that all its users lock the same side file and a later
/// change of the working directory does not matter.
std::string resolve(const std::string& given) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path existing = fs::canonical(given, error);
  if (!error) return existing.string();
  const auto refuse = [&](const std::string& reason) {
    return SqliteFailure(SQLITE_CANTOPEN, "can't open " + given + ": " + reason);
  };
  if (error != std::errc::no_such_file_or_directory) {
    throw refuse(error.message() + "; check the path and its permissions");
  }
  if (fs::is_symlink(fs::symlink_status(given, error))) {
    throw refuse("it is a symbolic link to a missing file; remove it or make its target");
  }
  const fs::path wanted = fs::absolute(given, error);
  const fs::path directory = fs::canonical(wanted.parent_path(), error);
  if (error || !wanted.has_filename()) {
    throw refuse("its directory does not exist; make it first");
  }
  return (directory / wanted.filename()).string();
}

/// What tells a database of ours from others, as the first bytes of a file show it.
struct Header {
  bool is_sqlite = false;
  std::int64_t application_id = 0;
  std::int64_t version = 0;
};

/// Reads through SQLite's file layer: closing a descriptor of our own would drop the locks that
/// another connection of this process has on the file. Touches neither WAL nor journal.
Header read_header(const std::string& path) {
  constexpr std::size_t kVersionAt = 60;
  constexpr std::size_t kApplicationIdAt = 68;
  std::array<unsigned char, 100> bytes{};
  const Database database(path, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX);
  sqlite3_file* file = nullptr;
  int code = sqlite3_file_control(database.get(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (code == SQLITE_OK) {
    code = file->pMethods->xRead(file, bytes.data(), static_cast<int>(bytes.size()), 0);
  }
  if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ) throw database.failure(code);
  const auto number_at = [&](std::size_t at) {
    std::int64_t number = 0;
    for (std::size_t i = at; i < at + 4; ++i) number = number << 8 | bytes[i];
    return number;
  };
  Header header;
  header.is_sqlite = std::memcmp(bytes.data(), "SQLite format 3", 16) == 0;
  header.application_id = number_at(kApplicationIdAt);
  header.version = number_at(kVersionAt);
  return header;
}

void refuse_unless_ours(const std::string& path, const Header& header) {
  const auto refuse = [&](const std::string& reason) {
    return SqliteFailure(SQLITE_NOTADB, "can't open " + path + ": " + reason);
  };
  if (!header.is_sqlite) {
    throw refuse("it is not an SQLite database; choose another file for --store");
  }
  if (header.application_id != kApplicationId) {
    char id[16];
    std::snprintf(id, sizeof id, "0x%08llx",
                  static_cast<unsigned long long>(header.application_id));
    throw refuse("it is an SQLite database of another program (application_id " + std::string(id) +
                 "); choose another file for --store");
  }
  if (header.version > kSchemaVersion || header.version < 1) {
    throw refuse("its format is version " + std::to_string(header.version) +
                 ", and this nextid knows none after " + std::to_string(kSchemaVersion) +
                 "; use the nextid that made it, or a newer one");
  }
}

/// SQLite would delete the log that it finds next to a new file, and the ids in it would come
/// again.
void refuse_orphaned_log(const std::string& path) {
  const std::string log = path + "-wal";
  const auto status = status_of(log);
  if (!status || status->st_size == 0) return;
  throw SqliteFailure(SQLITE_NOTADB, "can't make " + path + ": " + log +
                                         " is left from a database that is gone; put that back, or "
                                         "remove its log to begin anew");
}

/// Looks at the file without changing anything. Missing and empty files pass.
void refuse_unusable(const std::string& path) {
  const auto status = status_of(path);
  if (!status || status->st_size == 0) refuse_orphaned_log(path);
  if (!status) return;
  if (!S_ISREG(status->st_mode)) {
    throw SqliteFailure(SQLITE_NOTADB, "can't open " + path +
                                           ": it is not a regular file; choose another one for "
                                           "--store");
  }
  if (OpenFileMark::is_inherited(status->st_dev, status->st_ino)) {
    throw SqliteFailure(SQLITE_MISUSE, "can't open " + path +
                                           ": it was open when this process was forked; open it "
                                           "only after the fork, or exec first");
  }
  if (status->st_size > 0) refuse_unless_ours(path, read_header(path));
  if (::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0) {
    throw SqliteFailure(SQLITE_READONLY, "can't write " + path + ": " + std::strerror(errno) +
                                             "; make it writable for this user");
  }
}

void configure(Database& database) {
  sqlite3* db = database.get();
  // The last connection would checkpoint at its close, outside our lock.
  sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_wal_autocheckpoint(db, 0);
  // What others may have put into the schema is not to run.
  sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  database.set_busy_timeout(contract::kAttemptTimeout);
  database.execute(kPageSize);
  database.execute(kConfiguration);
}

/// Makes the schema in an empty file, or brings the one of a file of ours up to date, in the
/// transaction that is open.
void set_up_schema(Database& database) {
  const Header found{.is_sqlite = true,
                     .application_id = database.integer("PRAGMA application_id"),
                     .version = database.integer("PRAGMA user_version")};
  // An empty file, as refuse_unusable() has seen, or one that a killed process began to fill: its
  // journal has just been rolled back.
  const bool is_empty = found.application_id == 0 && found.version == 0 &&
                        database.integer("SELECT count(*) FROM sqlite_schema") == 0;
  if (is_empty) {
    database.execute(("PRAGMA application_id = " + std::to_string(kApplicationId)).c_str());
    create_counters_table(database);
  } else {
    refuse_unless_ours(database.path(), found);
  }
  if (found.version == kSchemaVersion) return;
  create_records_table(database);
  database.execute(("PRAGMA user_version = " + std::to_string(kSchemaVersion)).c_str());
}

/// Makes sure of the tables. The mark of a file of ours is in its first page as soon as there is
/// any: a rollback journal puts the whole schema there at once, and only then does the file turn to
/// WAL. So refuse_unusable() can trust what it reads, whenever a process was killed.
void open_tables(SqliteFile& file) {
  Database& database = *file.database;
  database.execute("BEGIN IMMEDIATE");
  set_up_schema(database);
  // Before the COMMIT: a file without the columns that they name is refused as it is.
  file.counters = std::make_unique<SqliteCounters>(database);
  file.records = std::make_unique<SqliteRecords>(database);
  database.execute("COMMIT");
  const std::string mode = database.text("PRAGMA journal_mode = WAL");
  if (mode != "wal") {
    throw SqliteFailure(SQLITE_CANTOPEN, "can't keep a write-ahead log for " + database.path() +
                                             " (journal mode " + mode +
                                             "); keep it on this machine's own disk");
  }
}

/// What was there before an attempt to open, so that a failed one leaves no trace.
class Traces {
 public:
  explicit Traces(const std::string& path) : path_(path), status_(status_of(path)) {
    for (std::size_t i = 0; i < kSideFiles.size(); ++i) {
      had_side_file_[i] = status_of(path + kSideFiles[i]).has_value();
    }
  }

  /// Requires that the lock is held, and that no connection of ours is open.
  void remove() const noexcept {
    const bool was_empty = !status_ || status_->st_size == 0;
    struct stat wal {};
    const bool others_wrote = ::stat((path_ + "-wal").c_str(), &wal) == 0 && wal.st_size > 0;
    for (std::size_t i = 0; i < kSideFiles.size(); ++i) {
      const std::string side_file = path_ + kSideFiles[i];
      if (!had_side_file_[i] && (was_empty || !others_wrote)) ::unlink(side_file.c_str());
    }
    if (!status_) {
      ::unlink(path_.c_str());
    } else if (was_empty && ::truncate(path_.c_str(), 0) != 0) {
      return;  // It stays a database of ours without counters, which serves as well.
    }
  }

 private:
  const std::string path_;
  const std::optional<struct stat> status_;
  std::array<bool, kSideFiles.size()> had_side_file_{};
};

SqliteFile open_locked(const std::string& path) {
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  SqliteFile file;
  file.database = std::make_unique<Database>(path, kFlags);
  if (sqlite3_db_readonly(file.database->get(), "main") != 0) {
    throw file.database->failure(SQLITE_READONLY);
  }
  configure(*file.database);
  open_tables(file);
  // The first look at a table makes the log and its index: better now than at the first op.
  file.database->integer("SELECT count(*) FROM (SELECT 1 FROM counters LIMIT 1)");
  const auto status = status_of(path);
  if (status) file.mark = std::make_unique<OpenFileMark>(status->st_dev, status->st_ino);
  return file;
}

}  // namespace

SqliteFile open_sqlite_file(const std::string& given) {
  const std::string path = resolve(given);
  refuse_unusable(path);  // Before even a lock file appears next to it.
  auto lock = std::make_unique<FileLock>(path + "-lock");
  const auto hold = lock->acquire(base::monotonic_now() + contract::kAttemptTimeout);
  std::optional<Traces> traces;
  try {
    traces.emplace(path);
    refuse_unusable(path);  // It may have appeared in the meantime.
    SqliteFile file = open_locked(path);
    file.lock = std::move(lock);
    return file;
  } catch (const SqliteFailure&) {
    if (traces) traces->remove();
    if (lock->created()) lock->remove_file();
    throw;
  }
}

}  // namespace nextid::store
