#include "store/sqlite/schema.h"

#include <array>
#include <cstdio>
#include <cstring>

#include "base/cat.h"
#include "store/sqlite/counters.h"
#include "store/sqlite/records.h"
#include "store/sqlite/seal.h"

namespace nextid::store {
namespace {

using base::cat;

constexpr std::int64_t kApplicationId = 0x6e786964;  // "nxid"
// 1: counters. 2: idempotency records, too. 3: the seal, too. 4: some counter was deleted. A file
// comes to version 4 with its first deletion, so that until then releases that know no deletion can
// open it.
constexpr std::int64_t kRecordsSince = 2;
constexpr std::int64_t kSealSince = 3;
constexpr std::int64_t kDeletionSince = 4;
constexpr std::int64_t kNewestVersion = kDeletionSince;

void set_version(Database& database, std::int64_t version) {
  database.execute(cat("PRAGMA user_version = ", version).c_str());
}

// The smallest page: a commit writes one to the WAL, and the fewer disk blocks that touches, the
// sooner it is on the disk. (Rows with names of over about 40 bytes spill into a second one.) Only
// new files take it up.
constexpr const char* kPageSize = "PRAGMA page_size = 512";
// A WAL that grew past this while some reader kept it from being reused is cut back afterwards.
constexpr const char* kConfiguration =
    "PRAGMA synchronous = FULL; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;"
    "PRAGMA journal_size_limit = 8388608; PRAGMA cell_size_check = ON";

}  // namespace

/// Reads through SQLite's file layer: closing a descriptor of our own would drop the locks that
/// another connection of this process has on the file. Touches neither WAL nor journal.
SqliteHeader read_header(const std::string& path) {
  constexpr std::size_t kReadVersionAt = 19;  // 1: a rollback journal; 2: a log.
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
  SqliteHeader header;
  header.is_sqlite = std::memcmp(bytes.data(), "SQLite format 3", 16) == 0;
  header.application_id = number_at(kApplicationIdAt);
  header.version = number_at(kVersionAt);
  header.has_log = bytes[kReadVersionAt] == 2;
  return header;
}

void refuse_unless_ours(const std::string& path, const SqliteHeader& header) {
  const auto refuse = [&](const std::string& reason) {
    return SqliteFailure(SQLITE_NOTADB, cat("can't open ", path, ": ", reason));
  };
  if (!header.is_sqlite) {
    throw refuse("it is not an SQLite database; choose another file for --store");
  }
  if (header.application_id != kApplicationId) {
    char id[16];
    std::snprintf(id, sizeof id, "0x%08llx",
                  static_cast<unsigned long long>(header.application_id));
    throw refuse(cat("it is an SQLite database of another program (application_id ", id,
                     "); choose another file for --store"));
  }
  if (header.version > kNewestVersion || header.version < 1) {
    throw refuse(cat("its format is version ", header.version,
                     ", and this nextid knows none after ", kNewestVersion,
                     "; use the nextid that made it, or a newer one"));
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
  database.set_busy_timeout(kSqliteLockLimit);
  database.execute(kPageSize);
  database.execute(kConfiguration);
}

void keep_log(Database& database) {
  const std::string mode = database.text("PRAGMA journal_mode = WAL");
  if (mode == "wal") return;
  throw SqliteFailure(SQLITE_CANTOPEN,
                      cat("can't keep a write-ahead log for ", database.path(), " (journal mode ",
                          mode, "); keep it on this machine's own disk"));
}

void set_up_schema(Database& database) {
  const SqliteHeader found{.is_sqlite = true,
                           .application_id = database.integer("PRAGMA application_id"),
                           .version = database.integer("PRAGMA user_version")};
  const bool is_empty = found.application_id == 0 && found.version == 0 &&
                        database.integer("SELECT count(*) FROM sqlite_schema") == 0;
  if (is_empty) {
    database.execute(cat("PRAGMA application_id = ", kApplicationId).c_str());
    create_counters_table(database);
  } else {
    refuse_unless_ours(database.path(), found);
  }
  if (found.version >= kSealSince) return;
  if (found.version < kRecordsSince) create_records_table(database);
  create_seal_table(database);
  set_version(database, kSealSince);
}

void allow_deleted_counters(Database& database) {
  if (database.integer("PRAGMA user_version") >= kDeletionSince) return;
  set_version(database, kDeletionSince);
}

}  // namespace nextid::store
