#include "store/sqlite/opening.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "base/cat.h"
#include "base/clock.h"
#include "base/descriptor.h"
#include "base/file_access.h"
#include "store/sqlite/creation.h"
#include "store/sqlite/doubt.h"
#include "store/sqlite/note.h"
#include "store/sqlite/schema.h"

namespace nextid::store {
namespace {

using base::cat;

constexpr std::array<const char*, 3> kSideFiles{"-journal", "-wal", "-shm"};
constexpr std::chrono::milliseconds kPause{2};
// Several processes that start together open one after the other, each with some ten syncs.
constexpr std::chrono::seconds kOpeningLimit{5};

std::optional<struct stat> status_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) return status;
  if (errno == ENOENT) return std::nullopt;
  throw SqliteFailure(SQLITE_CANTOPEN, cat("can't open ", path, ": ", std::strerror(errno),
                                           "; check the path and its permissions"));
}

/// SQLite would delete the log that it finds next to a new file, and the ids in it would come
/// again.
void refuse_orphaned_log(const std::string& path) {
  const std::string log = path + "-wal";
  const auto status = status_of(log);
  if (!status || status->st_size == 0) return;
  throw SqliteFailure(
      SQLITE_NOTADB,
      cat("can't make ", path, ": ", log,
          " is left from a database that is gone; put that back, or remove its log to begin anew"));
}

/// Whoever writes one of these files decides what ids are given.
void refuse_if_others_can_write(const std::string& given, const std::string& path) {
  const auto refuse = [](const std::string& file) {
    if (const auto why = base::why_others_can_write(file)) {
      throw SqliteFailure(SQLITE_MISUSE, cat("can't open ", file, ": ", *why));
    }
  };
  refuse(given);
  refuse(path + "-lock");
  for (const char* suffix : kSideFiles) refuse(path + suffix);
}

/// What is left of a time when everyone could read it, as SQLite would leave it.
void narrow_side_files(const std::string& path) noexcept {
  struct stat main {};
  if (::stat(path.c_str(), &main) != 0) return;
  for (const char* suffix : kSideFiles) {
    const std::string file = path + suffix;
    struct stat side {};
    const bool is_wider = ::lstat(file.c_str(), &side) == 0 && S_ISREG(side.st_mode) &&
                          (side.st_mode & 0777 & ~main.st_mode) != 0;
    // Another user's file it leaves, which is theirs to look after.
    [[maybe_unused]] const int failed =
        is_wider ? ::chmod(file.c_str(), side.st_mode & main.st_mode & 0777) : 0;
  }
}

/// Looks at the file without changing anything. Missing and empty files pass.
void refuse_unusable(const std::string& path) {
  const auto status = status_of(path);
  if (!status || status->st_size == 0) refuse_orphaned_log(path);
  if (!status) return;
  if (!S_ISREG(status->st_mode)) {
    throw SqliteFailure(
        SQLITE_NOTADB,
        cat("can't open ", path, ": it is not a regular file; choose another one for --store"));
  }
  if (MainFile::is_inherited({status->st_dev, status->st_ino})) {
    throw SqliteFailure(SQLITE_MISUSE, cat("can't open ", path,
                                           ": it was open when this process was forked; open it "
                                           "only after the fork, or exec first"));
  }
  if (status->st_size > 0) refuse_unless_ours(path, read_header(path));
  if (::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0) {
    throw SqliteFailure(SQLITE_READONLY, cat("can't write ", path, ": ", std::strerror(errno),
                                             "; make it writable for this user"));
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

/// If a file is in use, two locks that say so must agree: the one on the file itself, which any
/// name leads to, and the one on the lock file beside the name that we have. Waits a moment for
/// processes that end. Returns whether others use the file.
bool is_in_use(const std::string& path, const SqliteFile& file, base::MonotonicTime deadline) {
  for (;;) {
    const bool main_in_use = file.main_file->is_used_by_others();
    if (main_in_use == file.lock->is_used_by_others()) return main_in_use;
    if (base::monotonic_now() >= deadline) {
      throw SqliteFailure(
          SQLITE_CORRUPT,
          main_in_use
              ? cat("can't open ", path,
                    ": another process has it open beside another lock file and log, under another "
                    "name, from another mount, or since ",
                    path,
                    "-lock was removed; stop that process, and mount the whole directory for all")
              : cat("can't open ", path,
                    ": other processes use a database of this name, and it is not this file; stop "
                    "them, and put theirs back"));
    }
    std::this_thread::sleep_for(kPause);
  }
}

/// A rollback journal is none of ours once a file has its seal. SQLite would play it back.
void refuse_foreign_journal(const std::string& path, const Alone& alone) {
  const auto status = status_of(path + "-journal");
  if (!status || status->st_size == 0 || !alone.seal) return;
  throw SqliteFailure(SQLITE_CORRUPT,
                      cat("can't open ", path, ": ", path,
                          "-journal lies beside it, which nextid does not write; move it away if "
                          "it is another database's, or have sqlite3 open the two once"));
}

/// Opens a connection, and makes sure of the tables. A file without the columns that they name is
/// refused before anything is written.
void connect(SqliteFile& file, const std::string& path) {
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
  file.database = std::make_unique<Database>(path, kFlags);
  Database& database = *file.database;
  if (sqlite3_db_readonly(database.get(), "main") != 0) throw database.failure(SQLITE_READONLY);
  configure(database);
  database.execute("BEGIN IMMEDIATE");
  set_up_schema(database);
  file.counters = std::make_unique<SqliteCounters>(database);
  file.records = std::make_unique<SqliteRecords>(database);
  file.clock_row = std::make_unique<ClockRow>(database);
  file.clock->begin(file.clock_row->read());
  database.execute("COMMIT");
  keep_log(database);
}

void disconnect(SqliteFile& file) {
  file.guard.reset();
  file.clock_row.reset();
  file.records.reset();
  file.counters.reset();
  file.database.reset();
}

/// Opens the file with the side files that others have open.
void join(SqliteFile& file, const std::string& path) {
  const auto in_use = SqliteNote(file.lock->fd()).side_files();
  const auto log = file_id_of(path + "-wal");
  const auto index = file_id_of(path + "-shm");
  if (!in_use || !log || !index || *in_use != SideFiles{*log, *index}) {
    throw SqliteFailure(SQLITE_CORRUPT,
                        cat("can't open ", path,
                            ": its log or the log's index is not the one that the processes which "
                            "have it open use; stop them all, and open it again"));
  }
  const Alone alone = read_alone(path);
  connect(file, path);
  auto seal = SqliteSeal(*file.database).read();
  if (!seal) throw file.database->failure(SQLITE_CORRUPT);
  file.opening.identity = seal->identity;
  file.counters->set_skip_for_new(seal->skip_for_new);
  const std::int64_t in_main = alone.seal ? alone.seal->mark : 0;
  file.guard = std::make_unique<SqliteGuard>(
      SqliteGuard::Parts{*file.database, *file.lock, *file.main_file, *std::move(seal), in_main},
      &base::wall_now_us);
}

void set_log_aside(const std::string& path) {
  const std::string log = path + "-wal";
  const std::string aside = cat(log, "-set-aside-", std::time(nullptr));
  if (::rename(log.c_str(), aside.c_str()) != 0 && errno != ENOENT) {
    throw SqliteFailure(SQLITE_CANTOPEN, cat("can't set ", log, " aside: ", std::strerror(errno)));
  }
  ::unlink((path + "-shm").c_str());
}

SqliteFailure failure_of(const Doubt& doubt) {
  return SqliteFailure(SQLITE_CORRUPT, doubt.sentence);
}

Evidence look(const SqliteFile& file, const std::string& path, const SqliteOpenOptions& options) {
  const SqliteNote note(file.lock->fd());
  Evidence evidence;
  evidence.path = path;
  evidence.alone = read_alone(path);
  evidence.log = read_log(path + "-wal", evidence.alone.page_bytes, evidence.alone.seal_page);
  evidence.place = place_of(path);
  evidence.copy_is_accepted = options.accept_copy;
  evidence.closed = note.closed();
  evidence.committed = note.committed();
  return evidence;
}

/// The first commit of a process that found the file unused: the seal says that the log is needed,
/// in the main file, too, before any id leaves.
void seal_for_use(SqliteFile& file, const Evidence& evidence, const std::optional<Seal>& shown,
                  bool is_past) {
  if (!SqliteNote(file.lock->fd()).clear()) {
    throw SqliteFailure(SQLITE_IOERR, cat("can't write ", evidence.path,
                                          "-lock: ", std::strerror(errno), "; check its disk"));
  }
  Seal seal = shown ? *shown : Seal{};
  if (seal.identity.empty()) seal.identity = random_identity();
  seal.follows = evidence.alone.seal ? evidence.alone.seal->mark : 0;
  seal.earlier = shown ? shown->mark : 0;
  seal.mark = random_mark();
  seal.needs_log = true;
  seal.is_past = seal.is_past || is_past;
  seal.place = evidence.place;
  seal.path = evidence.path;
  seal.used_s = static_cast<std::int64_t>(base::wall_now_us() / 1'000'000);
  Database& database = *file.database;
  database.execute("BEGIN IMMEDIATE");
  SqliteSeal(database).write(seal);
  file.clock_row->keep(*file.clock);
  database.execute("COMMIT");
  int in_log = 0;
  int brought_over = 0;
  sqlite3_wal_checkpoint_v2(database.get(), "main", SQLITE_CHECKPOINT_PASSIVE, &in_log,
                            &brought_over);
  const std::int64_t in_main = in_log == brought_over ? seal.mark : seal.follows;
  file.opening.identity = seal.identity;
  file.counters->set_skip_for_new(seal.skip_for_new);
  file.guard = std::make_unique<SqliteGuard>(
      SqliteGuard::Parts{database, *file.lock, *file.main_file, std::move(seal), in_main},
      &base::wall_now_us);
}

/// Writes the notes for the processes that open the file beside us, and after us.
void note_use(const SqliteFile& file, const std::string& path) {
  SqliteNote note(file.lock->fd());
  const auto log = file_id_of(path + "-wal");
  const auto index = file_id_of(path + "-shm");
  if (!log || !index) return;
  note.set_side_files({*log, *index});
  const LogFacts facts = read_log(path + "-wal", 0, 0);
  note.set_committed({facts.salts, facts.frames});
}

/// Opens the file as the first process that uses it.
void begin(SqliteFile& file, const std::string& path, const SqliteOpenOptions& options) {
  Evidence evidence = look(file, path, options);
  refuse_foreign_journal(path, evidence.alone);
  narrow_side_files(path);
  auto doubt = doubt_of(evidence);
  if (doubt && !options.accept_as_is) throw failure_of(*doubt);
  if (doubt && doubt->kind == Doubt::Kind::kForeignLog) set_log_aside(path);
  bool is_past = doubt.has_value();
  connect(file, path);
  auto shown = SqliteSeal(*file.database).read();
  if (const auto of_log = is_past && doubt->kind == Doubt::Kind::kForeignLog
                              ? std::nullopt
                              : doubt_of_log(evidence, shown)) {
    if (!options.accept_as_is) throw failure_of(*of_log);
    disconnect(file);
    set_log_aside(path);
    is_past = true;
    connect(file, path);
    shown = SqliteSeal(*file.database).read();
  }
  seal_for_use(file, evidence, shown, is_past);
  note_use(file, path);
  if (!evidence.place.is_lasting) {
    file.opening.remark = cat("its file system, ", evidence.place.file_system,
                              ", does not tell a file from a copy of it: see that no copy is used");
  }
}

SqliteFailure store_is_gone(const std::string& path) {
  return SqliteFailure(
      SQLITE_CORRUPT,
      cat("can't make ", path, ": ", path,
          "-lock tells of a store that was here, and is gone; put that back, or remove ", path,
          "-lock to begin anew, with ids from 1"));
}

/// Makes the file if there is none and the options allow it.
bool make_if_missing(SqliteFile& file, const std::string& path, const SqliteOpenOptions& options) {
  const auto status = status_of(path);
  if (status && status->st_size > 0) return false;
  if (file.lock->is_used_by_others()) {
    throw SqliteFailure(SQLITE_CORRUPT, cat("can't make ", path,
                                            ": other processes use a database of this name that "
                                            "was moved or deleted; stop them, and put it back"));
  }
  if (SqliteNote(file.lock->fd()).tells_of_a_store()) throw store_is_gone(path);
  if (!options.create) {
    throw SqliteFailure(
        SQLITE_MISUSE,
        cat("there is no store at ", path,
            ", and none is to be made; check the path, and that its disk is mounted"));
  }
  make_sqlite_file(path);
  return true;
}

void open_locked(SqliteFile& file, const std::string& path, const SqliteOpenOptions& options,
                 base::MonotonicTime deadline) {
  refuse_unusable(path);  // It may have appeared in the meantime.
  file.opening.made = make_if_missing(file, path, options);
  refuse_divided(path);
  file.main_file = std::make_unique<MainFile>(path);
  const auto opening = file.main_file->lock_opening(deadline);
  if (is_in_use(path, file, deadline)) {
    join(file, path);
  } else {
    begin(file, path, options);
  }
  file.main_file->begin_use();
  file.lock->begin_use();
}

}  // namespace

std::string resolve_sqlite_path(const std::string& given) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path existing = fs::canonical(given, error);
  if (!error) return existing.string();
  const auto refuse = [&](const std::string& reason) {
    return SqliteFailure(SQLITE_CANTOPEN, cat("can't open ", given, ": ", reason));
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

void refuse_remains(const std::string& given) {
  const std::string path = resolve_sqlite_path(given);
  refuse_orphaned_log(path);
  const base::Descriptor lock(::open((path + "-lock").c_str(), O_RDONLY | O_CLOEXEC));
  if (lock.is_open() && SqliteNote(lock.descriptor()).tells_of_a_store()) throw store_is_gone(path);
}

SqliteFile open_sqlite_file(const std::string& given, const SqliteOpenOptions& options,
                            MachineClocks clocks) {
  const std::string path = resolve_sqlite_path(given);
  refuse_if_others_can_write(given, path);
  refuse_unusable(path);  // Before even a lock file appears next to it.
  if (status_of(path)) refuse_divided(path);
  const auto deadline = base::monotonic_now() + kOpeningLimit;
  SqliteFile file;
  file.clock = std::make_shared<StoreClock>(std::move(clocks));
  file.lock = std::make_unique<FileLock>(path);
  const auto hold = file.lock->acquire(deadline);
  std::optional<Traces> traces;
  try {
    traces.emplace(path);
    open_locked(file, path, options, deadline);
    return file;
  } catch (const SqliteFailure&) {
    disconnect(file);
    const bool in_use = file.main_file && file.main_file->is_used_by_others();
    if (traces && !in_use) traces->remove();
    if (file.lock->created()) file.lock->remove_file();
    throw;
  }
}

void close_sqlite_file(SqliteFile file, std::chrono::milliseconds limit) noexcept {
  try {
    const auto hold = file.lock->acquire(base::monotonic_now() + limit);
    const bool is_last = file.guard->prepare_close();
    const Seal seal = file.guard->seal();
    const std::string path = file.database->path();
    disconnect(file);
    // Where another program reads, the log stays, and is found again.
    if (is_last && !file_id_of(path + "-wal")) {
      SqliteNote(file.lock->fd()).set_closed({seal.identity, seal.mark});
    }
    // Under the lock, so that the next opening finds that all of this has ended.
    file.main_file.reset();
    file.lock->end_use();
  } catch (const SqliteFailure&) {
    disconnect(file);
  }
}

void end_recovery(SqliteFile& file, std::uint64_t skip_for_new) {
  const auto hold = file.lock->acquire(base::monotonic_now() + kSqliteLockLimit);
  file.guard->end_past(skip_for_new);
}

}  // namespace nextid::store
