// The seal: the one row of a database of ours that tells which store it is, whether the main file
// is whole without its log, and where it lay when it was last opened.
//
// SQLite finds a log by the main file's name, and replays whatever lies there. So log and main file
// say that they belong together. The seal in the main file, read without any log, has a random
// *mark*. A log of ours has, in its first transaction, a seal that names the mark which it follows.
// Each opening compares the two: a log from before, after or elsewhere does not fit (I8).
//
// The seal in the main file says *needs log* before any id leaves: if the log is gone, ids are. The
// seal in the log says that nothing is needed: so a program that brings all of the log into the
// main file (our closing, or another program after a crash) leaves a main file that says that it is
// whole. Each checkpoint of ours first writes *needs log* into the log, which it then brings over.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "store/sqlite/database.h"
#include "store/sqlite/place.h"

namespace nextid::store {

struct Seal {
  std::string identity;      ///< Of the store, for ever: 32 hexadecimal digits.
  bool needs_log = false;    ///< Ids were given out that are in the log alone.
  std::int64_t mark = 0;     ///< Random, a new one each time the seal is written.
  std::int64_t follows = 0;  ///< The mark of the main file's seal when this was written; 0: none.
  std::int64_t earlier = 0;  ///< The mark of the seal that this one replaced, in the log or not.
  bool is_past = false;      ///< A backup, or not recovered yet: ids may have been given out since.
  /// Ids that counters made from now on skip: counters that a recovery could not know of begin as
  /// far on as those that it moved.
  std::uint64_t skip_for_new = 0;
  Place place;              ///< Of the main file when it was last opened.
  std::string path;         ///< Its beginning, for sentences.
  std::int64_t used_s = 0;  ///< When this was written, in seconds since 1970.

  /// Whether a main file with the seal `alone` is what a log with this seal was written for.
  bool fits(const Seal& alone) const noexcept {
    return alone.mark == mark || alone.mark == follows || alone.mark == earlier;
  }
};

/// Makes the table, without its row, in the transaction that is open.
void create_seal_table(Database& database);

/// The row, of one connection: within a transaction, as SqliteCounters.
class SqliteSeal {
 public:
  explicit SqliteSeal(Database& database);

  /// Nothing while there is none.
  std::optional<Seal> read();
  void write(const Seal& seal);

 private:
  Statement select_;
  Statement replace_;
};

/// A new mark.
std::int64_t random_mark();
/// A new store's.
std::string random_identity();

/// The main file as it is by itself, whatever log lies beside it; for reading. Throws
/// SqliteFailure.
std::unique_ptr<Database> open_immutable(const std::string& path);

/// What the main file tells by itself, whatever log lies beside it.
struct Alone {
  std::optional<Seal> seal;     ///< None in a file of an older version, or one cut on its way.
  std::uint32_t seal_page = 0;  ///< The page that the seal is in.
  std::uint32_t page_bytes = 0;
};

/// Throws SqliteFailure.
Alone read_alone(const std::string& path);

}  // namespace nextid::store
