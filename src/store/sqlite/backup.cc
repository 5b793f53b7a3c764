#include "store/sqlite/backup.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <optional>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "base/cat.h"
#include "base/clock.h"
#include "base/file_access.h"
#include "store/sqlite/creation.h"
#include "store/sqlite/doubt.h"
#include "store/sqlite/opening.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/seal.h"

namespace nextid::store {
namespace {

using base::cat;

constexpr std::chrono::seconds kCopyLimit{60};
constexpr std::chrono::milliseconds kPause{5};
constexpr std::chrono::milliseconds kCloseLimit{500};
constexpr std::size_t kPage = 1000;

SqliteFailure conflict(const std::string& sentence) {
  return SqliteFailure(SQLITE_CONSTRAINT, sentence);
}

bool has_bytes(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && status.st_size > 0;
}

/// All in one step, so that it is one moment of a store that others write to.
void copy_database(Database& from, Database& to) {
  const auto deadline = base::monotonic_now() + kCopyLimit;
  sqlite3_backup* backup = sqlite3_backup_init(to.get(), "main", from.get(), "main");
  if (backup == nullptr) throw to.failure(sqlite3_errcode(to.get()));
  int code = SQLITE_OK;
  do {
    code = sqlite3_backup_step(backup, -1);
    if (code != SQLITE_BUSY && code != SQLITE_LOCKED) break;
    std::this_thread::sleep_for(kPause);
  } while (base::monotonic_now() < deadline);
  const int finished = sqlite3_backup_finish(backup);
  if (code != SQLITE_DONE) throw to.failure(finished == SQLITE_OK ? code : finished);
}

void verify(Database& database) {
  const std::string verdict = database.text("PRAGMA integrity_check");
  if (verdict == "ok") return;
  throw SqliteFailure(SQLITE_CORRUPT, cat(database.path(), " is damaged: ", verdict));
}

void add_counters(SqliteCounters& table, bool deleted, std::vector<CounterInfo>& counters) {
  std::string after;
  for (bool more = true; more;) {
    CounterPage page = table.list({.after = after, .limit = kPage, .deleted = deleted});
    more = page.more && !page.counters.empty();
    if (more) after = page.counters.back().name;
    for (CounterInfo& counter : page.counters) counters.push_back(std::move(counter));
  }
}

std::vector<CounterInfo> counters_of(Database& database) {
  SqliteCounters table(database);
  std::vector<CounterInfo> all;
  for (const bool deleted : {false, true}) add_counters(table, deleted, all);
  std::sort(all.begin(), all.end(),
            [](const CounterInfo& a, const CounterInfo& b) { return a.name < b.name; });
  return all;
}

/// Seals the copy as one of the past, and leaves it as one file.
BackupContents finish_copy(Database& copy, const std::string& path) {
  copy.execute("PRAGMA journal_mode = DELETE");
  copy.execute("BEGIN IMMEDIATE");
  set_up_schema(copy);
  SqliteSeal table(copy);
  Seal seal = table.read().value_or(Seal{});
  if (seal.identity.empty()) seal.identity = random_identity();
  seal.mark = random_mark();
  seal.follows = 0;
  seal.earlier = 0;
  seal.needs_log = false;
  seal.is_past = true;
  seal.place = place_of(copy.path());
  seal.path = path;
  table.write(seal);
  copy.execute("COMMIT");
  verify(copy);
  keep_log(copy);
  return {seal.identity, seal.used_s, counters_of(copy)};
}

/// Its connection is closed, and its log gone, when this returns.
BackupContents make_copy(Database& from, const std::string& draft, const std::string& path) {
  Database copy(draft, kDraftFlags);
  copy_database(from, copy);
  return finish_copy(copy, path);
}

/// Opens a file that is no store in use, so that it is whole without a log.
std::unique_ptr<Database> open_alone(const std::string& file) {
  if (!has_bytes(file)) {
    throw SqliteFailure(SQLITE_MISUSE, cat("there is no backup ", file, "; check its path"));
  }
  if (const auto why = base::why_others_can_write(file)) {
    throw SqliteFailure(SQLITE_MISUSE, cat("can't rely on ", file, ": ", *why));
  }
  refuse_unless_ours(file, read_header(file));
  const Alone alone = read_alone(file);
  const LogFacts log = read_log(file + "-wal", alone.page_bytes, alone.seal_page);
  if (log.has_commits || (alone.seal && alone.seal->needs_log)) {
    throw SqliteFailure(SQLITE_CORRUPT,
                        file +
                            " is not whole: it was copied from a running store, or belongs to "
                            "one, and lacks the ids that are in a log; `nextid backup` copies a "
                            "running store");
  }
  auto database = open_immutable(file);
  verify(*database);
  return database;
}

std::string absolute(const std::string& path) { return std::filesystem::absolute(path).string(); }

/// Moves the store out of the way of the one that takes its place, its log with it.
void set_store_aside(const std::string& path) {
  const std::string aside = cat(path, "-set-aside-", std::time(nullptr));
  for (const char* suffix : {"-wal", ""}) {
    if (::rename((path + suffix).c_str(), (aside + suffix).c_str()) != 0 && errno != ENOENT) {
      throw SqliteFailure(SQLITE_CANTOPEN,
                          cat("can't set ", path, suffix, " aside: ", std::strerror(errno),
                              "; make its directory writable"));
    }
  }
  ::unlink((path + "-shm").c_str());
}

/// Requires the lock.
void refuse_if_in_use(const std::string& path, const FileLock& lock) {
  const bool has_file = has_bytes(path);
  std::optional<MainFile> main_file;
  if (has_file) main_file.emplace(path);
  if (lock.is_used_by_others() || (main_file && main_file->is_used_by_others())) {
    throw SqliteFailure(SQLITE_BUSY, path + " is in use by another process; stop it first");
  }
}

}  // namespace

BackupContents back_up_sqlite(const std::string& path, const std::string& file, bool force) {
  const std::string target = absolute(file);
  if (has_bytes(target) && !force) {
    throw conflict(
        cat("can't write the backup: ", target, " exists; name another file, or use --force"));
  }
  SqliteFile source = open_sqlite_file(path, {.create = false});
  const std::string draft = begin_draft(target);
  try {
    BackupContents contents = make_copy(*source.database, draft, source.database->path());
    end_draft(draft, target);
    close_sqlite_file(std::move(source), kCloseLimit);
    return contents;
  } catch (const SqliteFailure&) {
    remove_draft(draft);
    close_sqlite_file(std::move(source), kCloseLimit);
    throw;
  }
}

BackupContents restore_sqlite(const std::string& file, const std::string& given, bool force) {
  const std::string path = resolve_sqlite_path(given);
  const auto backup = open_alone(absolute(file));
  FileLock lock(path);
  const auto hold = lock.acquire(base::monotonic_now() + kSqliteLockLimit);
  refuse_if_in_use(path, lock);
  if (has_bytes(path) && !force) {
    throw conflict(cat("can't restore: there is a store at ", path,
                       " already; --force sets it aside and puts the backup in its place"));
  }
  const std::string draft = begin_draft(path);
  try {
    BackupContents contents = make_copy(*backup, draft, path);
    // A crash from here on leaves a store that is missing, or of the past: both give out no ids.
    if (has_bytes(path) || has_bytes(path + "-wal")) set_store_aside(path);
    SqliteNote(lock.fd()).clear();
    end_draft(draft, path);
    return contents;
  } catch (const SqliteFailure&) {
    remove_draft(draft);
    throw;
  }
}

BackupContents read_sqlite_backup(const std::string& file) {
  const auto database = open_alone(absolute(file));
  const Alone alone = read_alone(absolute(file));
  BackupContents contents;
  if (alone.seal) {
    contents.identity = alone.seal->identity;
    contents.used_s = alone.seal->used_s;
  }
  contents.counters = counters_of(*database);
  return contents;
}

void end_sqlite_recovery(const std::string& path, std::uint64_t skip_for_new) {
  SqliteFile file = open_sqlite_file(path, {.create = false, .accept_as_is = true});
  end_recovery(file, skip_for_new);
  close_sqlite_file(std::move(file), kCloseLimit);
}

}  // namespace nextid::store
