#include "store/sqlite/seal.h"

#include <array>
#include <cstdio>
#include <random>
#include <sys/stat.h>

#include <sqlite3.h>

#include "store/sqlite/schema.h"

namespace nextid::store {
namespace {

// One row, which must fit into one page of 512 bytes: a checkpoint brings it over whole or not.
constexpr const char* kCreateTable =
    "CREATE TABLE seal ("
    " one INTEGER PRIMARY KEY,"
    " identity TEXT NOT NULL,"
    " needs_log INTEGER NOT NULL,"
    " mark INTEGER NOT NULL, follows INTEGER NOT NULL, earlier INTEGER NOT NULL,"
    " is_past INTEGER NOT NULL, skip_for_new INTEGER NOT NULL,"
    " inode INTEGER NOT NULL, born_ns INTEGER NOT NULL, volume INTEGER NOT NULL,"
    " is_lasting INTEGER NOT NULL,"
    " path TEXT NOT NULL, used_s INTEGER NOT NULL"
    ") STRICT";
constexpr const char* kSelect =
    "SELECT identity, needs_log, mark, follows, earlier, is_past, inode, born_ns, volume,"
    " is_lasting, path, used_s, skip_for_new FROM seal WHERE one = 1";
constexpr const char* kReplace =
    "REPLACE INTO seal (one, identity, needs_log, mark, follows, earlier, is_past, inode, born_ns,"
    " volume, is_lasting, path, used_s, skip_for_new)"
    " VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
constexpr std::size_t kMaxPathBytes = 160;

Seal parse_seal(const Statement& row) {
  Seal seal;
  seal.identity = row.text(0);
  seal.needs_log = row.integer(1) != 0;
  seal.mark = row.integer(2);
  seal.follows = row.integer(3);
  seal.earlier = row.integer(4);
  seal.is_past = row.integer(5) != 0;
  seal.place.inode = static_cast<std::uint64_t>(row.integer(6));
  seal.place.born_ns = row.integer(7);
  seal.place.volume = static_cast<std::uint64_t>(row.integer(8));
  seal.place.is_lasting = row.integer(9) != 0;
  seal.path = row.text(10);
  seal.used_s = row.integer(11);
  seal.skip_for_new = static_cast<std::uint64_t>(row.integer(12));
  return seal;
}

/// `path` as the file name of a URI (sqlite.org/uri.html).
std::string uri_of(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      std::array<char, 4> escape{};
      std::snprintf(escape.data(), escape.size(), "%%%02X", static_cast<unsigned char>(c));
      uri += escape.data();
    } else {
      uri += c;
    }
  }
  return uri + "?immutable=1";
}

std::uint64_t random_bits() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}

}  // namespace

void create_seal_table(Database& database) { database.execute(kCreateTable); }

SqliteSeal::SqliteSeal(Database& database)
    : select_(database, kSelect), replace_(database, kReplace) {}

std::optional<Seal> SqliteSeal::read() {
  std::optional<Seal> seal;
  while (select_.step()) seal = parse_seal(select_);
  return seal;
}

void SqliteSeal::write(const Seal& seal) {
  const std::string path = seal.path.substr(0, kMaxPathBytes);
  replace_.bind_text(1, seal.identity)
      .bind(2, seal.needs_log ? 1 : 0)
      .bind(3, seal.mark)
      .bind(4, seal.follows)
      .bind(5, seal.earlier)
      .bind(6, seal.is_past ? 1 : 0)
      .bind(7, static_cast<std::int64_t>(seal.place.inode))
      .bind(8, seal.place.born_ns)
      .bind(9, static_cast<std::int64_t>(seal.place.volume))
      .bind(10, seal.place.is_lasting ? 1 : 0)
      .bind_text(11, path)
      .bind(12, seal.used_s)
      .bind(13, static_cast<std::int64_t>(seal.skip_for_new))
      .run();
}

std::int64_t random_mark() {
  // 0 stands for none.
  return static_cast<std::int64_t>(random_bits() >> 1) | 1;
}

std::string random_identity() {
  std::array<char, 33> text{};
  std::snprintf(text.data(), text.size(), "%016llx%016llx",
                static_cast<unsigned long long>(random_bits()),
                static_cast<unsigned long long>(random_bits()));
  return text.data();
}

std::unique_ptr<Database> open_immutable(const std::string& path) {
  constexpr int kFlags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI;
  return std::make_unique<Database>(path, uri_of(path), kFlags);
}

namespace {

bool has_bytes(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && status.st_size > 0;
}

/// Whether a file of an older version may have been left in the middle of being brought up to date:
/// what lies beside it has the pages that it lacks, or those that it had.
bool may_be_half_way(const std::string& path) {
  return has_bytes(path + "-wal") || (has_bytes(path + "-journal") && !read_header(path).has_log);
}

void read_seal(Database& database, Alone& alone) {
  alone.seal_page = static_cast<std::uint32_t>(
      database.integer("SELECT rootpage FROM sqlite_schema WHERE name = 'seal'"));
  if (alone.seal_page != 0) alone.seal = SqliteSeal(database).read();
}

}  // namespace

/// A checkpoint that a crash or a full disk cut short leaves pages of several moments. The seal is
/// in one page, and once it is there the schema does not change: so this reads right. Only an older
/// file may be cut, while it gets its first seal, between the schema and a page that it names. It
/// has no seal yet: SQLite replays its log, or plays its journal back. Whether a log is that of
/// this file, doubt_of_log() tells.
Alone read_alone(const std::string& path) {
  const auto database = open_immutable(path);
  // The first page may have come over, and the pages by which the file grew not: SQLite takes a
  // file that is shorter than its first page says for damaged, unless it is told this.
  database->execute("PRAGMA writable_schema = ON");
  Alone alone;
  alone.page_bytes = static_cast<std::uint32_t>(database->integer("PRAGMA page_size"));
  try {
    read_seal(*database, alone);
  } catch (const SqliteFailure& failure) {
    if (failure.code() != SQLITE_CORRUPT || !may_be_half_way(path)) throw;
    return {std::nullopt, 0, alone.page_bytes};
  }
  return alone;
}

}  // namespace nextid::store
