#include "store/sqlite/database.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/cat.h"
#include "base/quoting.h"

namespace nextid::store {
namespace {

using base::cat;

/// What happened to `path`, and what to do about it.
std::string explain(const std::string& path, int code, const char* words, int system_errno) {
  // SQLite quotes names of the file, in which there may be anything.
  constexpr std::size_t kMaxBytes = 300;
  const std::string message = base::printable(words, kMaxBytes);
  const std::string detail =
      system_errno == 0 ? message : cat(message, ", ", std::strerror(system_errno));
  if (system_errno == ENOSPC || system_errno == EDQUOT) code = SQLITE_FULL;
  switch (code & 0xff) {
    case SQLITE_FULL:
      return cat("no room to write ", path, ": the disk is full; free some space");
    case SQLITE_IOERR:
      return cat("can't read or write ", path, " (", detail, "); check its disk and limits");
    case SQLITE_CORRUPT:
    case SQLITE_ERROR:  // Our SQL is right, so the table that it names is not.
      return cat(path, " is damaged (", detail, "); ", kRepair);
    case SQLITE_NOTADB:
      return path + " is no SQLite database; choose another file for --store";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return path + " is locked by another process; see that it runs, or stop it";
    case SQLITE_READONLY:
      return cat(path, " is read-only (", detail, "); make it and its directory writable");
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return cat("can't open ", path, " (", detail, "); check the path and its permissions");
    default:
      return cat("SQLite failed on ", path, ": ", detail);
  }
}

}  // namespace

Error error_of(const SqliteFailure& failure) {
  const auto code = [&] {
    if (failure.code() == SQLITE_MISUSE) return ErrorCode::kInvalid;
    if (failure.code() == SQLITE_CONSTRAINT) return ErrorCode::kConflict;
    return failure.is_damage() ? ErrorCode::kCorrupt : ErrorCode::kUnavailable;
  };
  return Error(code(), failure.what());
}

Database::Database(std::string path, int flags) : Database(path, path, flags) {}

Database::Database(std::string path, const std::string& uri, int flags) : path_(std::move(path)) {
  sqlite3* db = nullptr;
  const int code = sqlite3_open_v2(uri.c_str(), &db, flags, nullptr);
  db_.reset(db);
  if (code != SQLITE_OK) throw failure(code);
  sqlite3_extended_result_codes(db, 1);
}

void Database::execute(const char* sql) {
  const int code = sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) throw failure(code);
}

std::int64_t Database::integer(const char* sql) {
  Statement statement(*this, sql);
  return statement.step() ? statement.integer(0) : 0;
}

std::string Database::text(const char* sql) {
  Statement statement(*this, sql);
  return statement.step() ? statement.text(0) : std::string();
}

void Database::set_busy_timeout(std::chrono::milliseconds limit) {
  sqlite3_busy_timeout(db_.get(), static_cast<int>(limit.count()));
}

void Database::roll_back() noexcept {
  if (in_transaction()) sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

SqliteFailure Database::failure(int code) const {
  sqlite3* db = db_.get();
  const char* message = db == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(db);
  const int primary = code & 0xff;
  const bool from_system = primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN;
  const int system_errno = db != nullptr && from_system ? sqlite3_system_errno(db) : 0;
  return SqliteFailure(code, explain(path_, code, message, system_errno));
}

Statement::Statement(Database& database, std::string_view sql) : database_(&database) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(database.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  statement_.reset(statement);
  if (code != SQLITE_OK) throw database.failure(code);
}

Statement& Statement::bind(int index, std::int64_t value) {
  const int code = sqlite3_bind_int64(statement_.get(), index, value);
  if (code != SQLITE_OK) throw database_->failure(code);
  return *this;
}

Statement& Statement::bind_text(int index, std::string_view text) {
  // The statement is done before its caller's string ends, so SQLite need not copy it.
  const int code = sqlite3_bind_text(statement_.get(), index, text.data(),
                                     static_cast<int>(text.size()), SQLITE_STATIC);
  if (code != SQLITE_OK) throw database_->failure(code);
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    sqlite3_reset(statement_.get());
    return false;
  }
  const SqliteFailure failure = database_->failure(code);
  sqlite3_reset(statement_.get());
  throw failure;
}

void Statement::run() {
  while (step()) {
  }
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string Statement::text(int column) const {
  const auto* bytes = sqlite3_column_text(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  if (bytes == nullptr || size <= 0) return {};
  return std::string(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

}  // namespace nextid::store
