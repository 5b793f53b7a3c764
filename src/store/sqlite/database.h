// One SQLite connection and its statements, as C++ objects. The only place that speaks sqlite3.h's
// error codes; above it a failure is an exception with a whole sentence.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include <sqlite3.h>

#include "nextid/error.h"

namespace nextid::store {

/// Something that SQLite, or the file system below it, did not do. what() names the file and says
/// what to do. Stays inside the SQLite store.
class SqliteFailure : public std::runtime_error {
 public:
  SqliteFailure(int code, const std::string& sentence)
      : std::runtime_error(sentence), code_(code & 0xff) {}

  /// SQLite's primary result code.
  int code() const noexcept { return code_; }
  /// True when the file is not what it should be, however often one tries.
  bool is_damage() const noexcept {
    return code_ == SQLITE_CORRUPT || code_ == SQLITE_NOTADB || code_ == SQLITE_ERROR;
  }

 private:
  int code_;
};

/// The same as a value: kInvalid for SQLITE_MISUSE, kConflict for SQLITE_CONSTRAINT, kCorrupt for
/// damage, else kUnavailable.
Error error_of(const SqliteFailure& failure);

/// How long a commit waits for other users of the file.
inline constexpr std::chrono::milliseconds kSqliteLockLimit{500};

/// What to do about a damaged file, for the end of a sentence.
inline constexpr const char* kRepair =
    "stop all its users and repair it with sqlite3's .recover: an older copy would give out ids "
    "again (docs/sqlite.md)";

/// An open connection. Not thread-safe: one thread at a time.
class Database {
 public:
  /// `flags` are SQLITE_OPEN_*. `path` must be absolute, or SQLite may take it for a URI. Throws
  /// SqliteFailure, as all below.
  Database(std::string path, int flags);
  /// The same for a URI (SQLITE_OPEN_URI); sentences name `path`.
  Database(std::string path, const std::string& uri, int flags);

  const std::string& path() const noexcept { return path_; }
  sqlite3* get() const noexcept { return db_.get(); }

  /// Runs statements that return nothing of interest.
  void execute(const char* sql);
  /// The first column of the first row.
  std::int64_t integer(const char* sql);
  std::string text(const char* sql);

  /// How long SQLite waits for locks of other connections.
  void set_busy_timeout(std::chrono::milliseconds limit);

  bool in_transaction() const noexcept { return sqlite3_get_autocommit(db_.get()) == 0; }
  /// Ends a transaction if there is one. Never throws: what SQLite can't roll back now it rolls
  /// back when the connection closes.
  void roll_back() noexcept;

  /// The failure that this connection has just reported.
  SqliteFailure failure(int code) const;

 private:
  struct Close {
    void operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }
  };

  const std::string path_;
  std::unique_ptr<sqlite3, Close> db_;
};

/// A prepared statement; must not outlive its database. Bind, then step until false; it is ready
/// for the next use once step() has returned false or thrown, or after reset().
class Statement {
 public:
  Statement(Database& database, std::string_view sql);

  /// Parameters are numbered from 1. `text` must live until the statement is done.
  Statement& bind(int index, std::int64_t value);
  Statement& bind_text(int index, std::string_view text);

  /// True when there is a row to read.
  bool step();
  /// Steps to the end, for statements without rows.
  void run();
  void reset() noexcept { sqlite3_reset(statement_.get()); }

  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  std::string text(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
  };

  Database* database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

}  // namespace nextid::store
