#include "state/state_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>
#include <sys/stat.h>
#include <utility>

#include <sqlite3.h>

#include "base/cat.h"
#include "base/file_access.h"
#include "base/mutex.h"

namespace nextid::state {
namespace {

using base::cat;

constexpr std::int64_t kApplicationId = 0x6e787374;  // "nxst"
constexpr std::int64_t kVersion = 1;

// A rollback journal, not a WAL. Several processes write here, and up to SQLite 3.51.2 a WAL can
// lose what one of them commits beside another's checkpoint, which may leave a file that is
// malformed, not only one that is behind. A journal has no such window, is whole after a power
// loss, and costs a few flushes a second, on a thread that no id waits for. PERSIST: the journal
// keeps its place on the disk, so that a flush writes no directory.
constexpr const char* kConfiguration =
    "PRAGMA journal_mode = PERSIST; PRAGMA synchronous = NORMAL; PRAGMA mmap_size = 0;"
    "PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF;"
    "PRAGMA journal_size_limit = 1048576";

// `used` numbers the writes: what is newest depends on no clock.
constexpr const char* kSchema =
    "CREATE TABLE store (one INTEGER PRIMARY KEY CHECK (one = 1), identity TEXT NOT NULL) STRICT;"
    "CREATE TABLE counters (name TEXT PRIMARY KEY, issued INTEGER NOT NULL CHECK (issued >= 0),"
    "  stopped TEXT NOT NULL, used INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX counters_by_use ON counters (used)";

constexpr const char* kHarmless =
    "; to lose it is safe: remove it, and this node begins to remember anew";

/// What happened to the file, and what to do about it.
Error explain(const std::string& path, int code, const char* message, int system_errno) {
  const std::string detail =
      system_errno == 0 ? std::string(message) : cat(message, ", ", std::strerror(system_errno));
  if (system_errno == ENOSPC || system_errno == EDQUOT) code = SQLITE_FULL;
  const auto unavailable = [](const std::string& sentence) {
    return Error(ErrorCode::kUnavailable, sentence);
  };
  switch (code & 0xff) {
    case SQLITE_FULL:
      return unavailable(cat("no room to write ", path, ": the disk is full; free some space"));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return unavailable(path + " is locked by another process; see that it runs, or stop it");
    case SQLITE_NOTADB:
      return Error(ErrorCode::kInvalid,
                   path + " is no state file of nextid; choose another --state-dir");
    case SQLITE_CORRUPT:
    case SQLITE_ERROR:  // The SQL is right, so the tables are not.
    case SQLITE_CONSTRAINT:
      return Error(ErrorCode::kCorrupt, cat(path, " is damaged (", detail, ")", kHarmless));
    case SQLITE_READONLY:
      if (code == SQLITE_READONLY_DBMOVED) {
        return unavailable(path + " was moved or removed while it was open");
      }
      return unavailable(
          cat(path, " is read-only (", detail, "); make it and its directory writable"));
    default:
      return unavailable(cat("can't open, read or write ", path, " (", detail,
                             "); check its directory, disk and permissions"));
  }
}

Error failure(sqlite3* db, const std::string& path, int code) {
  const int primary = code & 0xff;
  const bool from_system = primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN;
  return explain(path, code, db == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(db),
                 db != nullptr && from_system ? sqlite3_system_errno(db) : 0);
}

void execute(sqlite3* db, const std::string& path, const char* sql) {
  const int code = sqlite3_exec(db, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) throw failure(db, path, code);
}

/// A statement that is used once.
class Statement {
 public:
  Statement(sqlite3* db, const std::string& path, const char* sql) : db_(db), path_(path) {
    check(sqlite3_prepare_v2(db, sql, -1, &statement_, nullptr));
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(int index, std::int64_t value) {
    check(sqlite3_bind_int64(statement_, index, value));
    return *this;
  }
  /// `text` must live until the statement is done.
  Statement& bind(int index, std::string_view text) {
    check(sqlite3_bind_text(statement_, index, text.data(), static_cast<int>(text.size()),
                            SQLITE_STATIC));
    return *this;
  }

  /// True when there is a row to read. After false it may be bound and run again.
  bool step() {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) throw failure(db_, path_, code);
    sqlite3_reset(statement_);
    return false;
  }

  std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  std::string text(int column) const {
    const auto* bytes = sqlite3_column_text(statement_, column);
    const int size = sqlite3_column_bytes(statement_, column);
    if (bytes == nullptr || size <= 0) return {};
    return std::string(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  }

 private:
  void check(int code) const {
    if (code != SQLITE_OK) throw failure(db_, path_, code);
  }

  sqlite3* const db_;
  const std::string& path_;
  sqlite3_stmt* statement_ = nullptr;
};

/// How long a connection waits for others, for as long as this lives.
class BusyLimit {
 public:
  BusyLimit(sqlite3* db, std::chrono::milliseconds limit) : db_(db) { set(limit); }
  ~BusyLimit() { set(StateFile::kBusyLimit); }
  BusyLimit(const BusyLimit&) = delete;
  BusyLimit& operator=(const BusyLimit&) = delete;

 private:
  void set(std::chrono::milliseconds limit) {
    sqlite3_busy_timeout(db_, static_cast<int>(limit.count()));
  }

  sqlite3* const db_;
};

std::int64_t integer(sqlite3* db, const std::string& path, const char* sql) {
  Statement statement(db, path, sql);
  return statement.step() ? statement.integer(0) : 0;
}

std::string identity_of(sqlite3* db, const std::string& path) {
  Statement statement(db, path, "SELECT identity FROM store");
  return statement.step() ? statement.text(0) : std::string();
}

std::vector<Mark> marks_of(Statement& statement) {
  std::vector<Mark> marks;
  while (statement.step()) {
    marks.push_back({statement.text(0), statement.integer(1), statement.text(2)});
  }
  return marks;
}

std::int64_t as_limit(std::size_t limit) noexcept {
  constexpr std::size_t kMost = std::numeric_limits<std::int32_t>::max();
  return static_cast<std::int64_t>(limit < kMost ? limit : kMost);
}

Error cant_make(const std::string& directory, int system_errno) {
  const bool no_parent = system_errno == ENOENT;
  return Error(ErrorCode::kUnavailable,
               cat("can't make the state directory ", directory, ": ", std::strerror(system_errno),
                   no_parent ? "; make its parent directory first"
                             : "; make it for the user that nextid runs as"));
}

/// Makes the directory where that is wanted. Errors: see StateFile::open().
Result<void> see_directory(const std::string& directory, StateFile::Making making) {
  const bool made =
      making == StateFile::Making::kDirectory && ::mkdir(directory.c_str(), 0700) == 0;
  if (made) return {};
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0) {
    if (making == StateFile::Making::kDirectory) return cant_make(directory, errno);
    const bool missing = errno == ENOENT;
    return Error(missing ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
                 cat("can't open the state directory ", directory, ": ", std::strerror(errno)));
  }
  if (S_ISDIR(status.st_mode)) return {};
  return Error(ErrorCode::kInvalid,
               directory + " is no directory, which --state-dir must name; choose another");
}

}  // namespace

void StateFile::Close::operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }

StateFile::~StateFile() = default;

Result<std::unique_ptr<StateFile>> StateFile::open(const std::string& directory, Making making) {
  if (const auto seen = see_directory(directory, making); !seen) return seen.error();
  // Absolute: a later change of the working directory does not matter, nor what SQLite takes for a
  // URI.
  std::error_code error;
  const auto absolute = std::filesystem::canonical(directory, error);
  if (error) {
    return Error(ErrorCode::kUnavailable,
                 cat("can't open the state directory ", directory, ": ", error.message()));
  }
  const std::string path = (absolute / kFileName).string();
  if (making == Making::kNothing && !std::filesystem::exists(path, error)) {
    return Error(ErrorCode::kNotFound, path + " does not exist yet");
  }
  if (const auto why = base::why_others_can_write(path)) {
    return Error(ErrorCode::kInvalid, cat("can't open ", path, ": ", *why));
  }
  // Where it can't be made, SQLite says why.
  if (making != Making::kNothing) static_cast<void>(base::make_own_file(path));
  sqlite3* raw = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | (making == Making::kNothing ? 0 : SQLITE_OPEN_CREATE);
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  Handle db(raw);
  if (code != SQLITE_OK) return failure(raw, path, code);
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, static_cast<int>(kBusyLimit.count()));
  std::unique_ptr<StateFile> file(new StateFile(path, std::move(db)));
  const auto prepared = file->attempt([&](sqlite3* own) { file->prepare(own); });
  if (!prepared) return prepared.error();
  return file;
}

/// Makes the tables in an empty file; if two processes do so at a time, one of them does it.
void StateFile::prepare(sqlite3* db) {
  execute(db, path_, kConfiguration);
  const auto is_ours = [&] {
    const std::int64_t application = integer(db, path_, "PRAGMA application_id");
    const std::int64_t version = integer(db, path_, "PRAGMA user_version");
    if (application == kApplicationId && version == kVersion) return true;
    if (application == kApplicationId) {
      throw Error(
          ErrorCode::kInvalid,
          cat(path_, " is from another version of nextid, with format ", version, kHarmless));
    }
    if (integer(db, path_, "SELECT count(*) FROM sqlite_schema") == 0) return false;
    throw failure(nullptr, path_, SQLITE_NOTADB);
  };
  if (is_ours()) return;
  execute(db, path_, "BEGIN IMMEDIATE");
  if (!is_ours()) {
    execute(db, path_, kSchema);
    const std::string mark =
        cat("PRAGMA application_id = ", kApplicationId, "; PRAGMA user_version = ", kVersion);
    execute(db, path_, mark.c_str());
    made_ = true;
  }
  execute(db, path_, "COMMIT");
}

template <typename Work>
auto StateFile::attempt(Work work) const -> Result<decltype(work(nullptr))> {
  const base::Lock lock(mutex_);
  try {
    if constexpr (std::is_void_v<decltype(work(nullptr))>) {
      work(db_.get());
      return {};
    } else {
      return work(db_.get());
    }
  } catch (const Error& error) {
    if (sqlite3_get_autocommit(db_.get()) == 0) {
      sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    }
    return error;
  }
}

Result<std::string> StateFile::identity() const {
  return attempt([&](sqlite3* db) { return identity_of(db, path_); });
}

Result<void> StateFile::remember_identity(std::string_view identity, bool accepted) {
  return attempt([&](sqlite3* db) {
    execute(db, path_, "BEGIN IMMEDIATE");
    const std::string known = identity_of(db, path_);
    if (!known.empty() && known != identity && !accepted) {
      throw Error(ErrorCode::kInvalid,
                  cat(path_, " remembers the store ", known, ", not ", identity));
    }
    Statement(db, path_, "INSERT OR REPLACE INTO store VALUES (1, ?1)").bind(1, identity).step();
    execute(db, path_, "COMMIT");
  });
}

Result<std::optional<Mark>> StateFile::counter(std::string_view name) const {
  return attempt([&](sqlite3* db) -> std::optional<Mark> {
    const BusyLimit limit(db, kLookUpLimit);
    Statement statement(db, path_, "SELECT name, issued, stopped FROM counters WHERE name = ?1");
    statement.bind(1, name);
    const auto marks = marks_of(statement);
    return marks.empty() ? std::nullopt : std::optional<Mark>(marks.front());
  });
}

Result<std::vector<Mark>> StateFile::newest(std::size_t limit) const {
  return attempt([&](sqlite3* db) {
    Statement statement(
        db, path_, "SELECT name, issued, stopped FROM counters ORDER BY used DESC, name LIMIT ?1");
    statement.bind(1, as_limit(limit));
    return marks_of(statement);
  });
}

Result<std::vector<Mark>> StateFile::stopped(std::size_t limit) const {
  return attempt([&](sqlite3* db) {
    Statement statement(
        db, path_,
        "SELECT name, issued, stopped FROM counters WHERE stopped <> '' ORDER BY name LIMIT ?1");
    statement.bind(1, as_limit(limit));
    return marks_of(statement);
  });
}

Result<std::size_t> StateFile::counters() const {
  return attempt([&](sqlite3* db) {
    return static_cast<std::size_t>(integer(db, path_, "SELECT count(*) FROM counters"));
  });
}

Result<void> StateFile::write(const std::vector<Mark>& marks) {
  if (marks.empty()) return {};
  return attempt([&](sqlite3* db) {
    execute(db, path_, "BEGIN IMMEDIATE");
    const std::int64_t used = integer(db, path_, "SELECT max(used) + 1 FROM counters");
    Statement statement(
        db, path_,
        "INSERT INTO counters VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name) DO UPDATE SET"
        " issued = max(issued, excluded.issued), used = excluded.used,"
        " stopped = CASE WHEN stopped = '' THEN excluded.stopped ELSE stopped END");
    for (const Mark& mark : marks) {
      statement.bind(1, mark.counter).bind(2, mark.issued).bind(3, mark.stopped).bind(4, used);
      statement.step();
    }
    execute(db, path_, "COMMIT");
  });
}

Result<void> StateFile::reset(std::string_view counter, std::int64_t issued) {
  return attempt([&](sqlite3* db) {
    Statement(db, path_,
              "INSERT INTO counters SELECT ?1, ?2, '', coalesce(max(used), 0) + 1 FROM counters"
              " WHERE true ON CONFLICT (name) DO UPDATE SET issued = excluded.issued, stopped = ''")
        .bind(1, counter)
        .bind(2, issued)
        .step();
  });
}

Result<void> StateFile::clear_stops() {
  return attempt([&](sqlite3* db) {
    execute(db, path_, "UPDATE counters SET stopped = '' WHERE stopped <> ''");
  });
}

Result<void> StateFile::forget_counters() {
  return attempt([&](sqlite3* db) { execute(db, path_, "DELETE FROM counters"); });
}

}  // namespace nextid::state
