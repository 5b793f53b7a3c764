#include "conformance/sqlite_raw.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace nextid::test {

RawConnection::RawConnection(const std::string& path) {
  sqlite3* db = nullptr;
  const int code = sqlite3_open(path.c_str(), &db);
  db_.reset(db);
  if (code != SQLITE_OK) throw std::runtime_error("can't open " + path);
}

void RawConnection::execute(const std::string& sql) {
  if (sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    throw std::runtime_error(sql + ": " + sqlite3_errmsg(db_.get()));
  }
}

std::int64_t RawConnection::integer(const std::string& sql) {
  std::int64_t number = 0;
  const auto take = [](void* into, int, char** columns, char**) {
    if (columns[0] != nullptr) *static_cast<std::int64_t*>(into) = std::stoll(columns[0]);
    return 0;
  };
  if (sqlite3_exec(db_.get(), sql.c_str(), take, &number, nullptr) != SQLITE_OK) {
    throw std::runtime_error(sql + ": " + sqlite3_errmsg(db_.get()));
  }
  return number;
}

void RawConnection::keep_wal_at_close() {
  sqlite3_db_config(db_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

std::map<std::string, std::string> snapshot(const std::string& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const bool regular = entry.is_regular_file() && !entry.is_symlink();
    files[entry.path().filename().string()] = regular ? read_file(entry.path().string()) : "/";
  }
  return files;
}

void make_version_1(const std::string& path, const std::string& mode) {
  RawConnection raw(path);
  raw.keep_wal_at_close();
  raw.execute("PRAGMA page_size = 512");
  raw.execute(
      "BEGIN;"
      "PRAGMA application_id = 0x6e786964; PRAGMA user_version = 1;"
      "CREATE TABLE counters ("
      " name TEXT NOT NULL,"
      " writer INTEGER NOT NULL,"
      " seq INTEGER NOT NULL,"
      " value INTEGER NOT NULL,"
      " start INTEGER, increment INTEGER, max INTEGER, cache INTEGER, comment TEXT,"
      " revision INTEGER,"
      " PRIMARY KEY (name, writer)"
      ") WITHOUT ROWID, STRICT;"
      "COMMIT");
  raw.execute("PRAGMA journal_mode = " + mode);
  raw.execute(
      "INSERT INTO counters VALUES ('orders', 0, 3, 42, 1, 1, 1000, 1, 'old', 6);"
      "INSERT INTO counters (name, writer, seq, value) VALUES ('orders', 7, 5, 42);"
      "INSERT INTO counters VALUES ('other', 0, 0, 0, 1, 1, 1000, 1, '', 1)");
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::shared_ptr<store::SqliteStore> open_sqlite(const std::string& path) {
  return store::SqliteStore::open(path).value();
}

}  // namespace nextid::test
