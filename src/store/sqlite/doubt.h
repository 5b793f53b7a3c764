// Reasons to doubt that a main file and what lies beside it are the store that they were (I8).
// Pure: what was found goes in, a sentence or nothing comes out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "store/sqlite/note.h"
#include "store/sqlite/place.h"
#include "store/sqlite/seal.h"
#include "store/sqlite/wal.h"

namespace nextid::store {

struct Doubt {
  enum class Kind {
    kLogMissing,  ///< Ids may be lost with the log, or with its end.
    kForeignLog,  ///< The log belongs to another file, or to another state of this one.
    kExchanged,   ///< The main file is not the one that was closed last.
    kCopy,        ///< The main file lay elsewhere.
    kPast,        ///< A backup, or not recovered yet.
  };
  Kind kind;
  std::string sentence;  ///< What happened, with which values, and what to run.
};

/// What the first process to open the file finds, before SQLite replays anything.
struct Evidence {
  std::string path;
  Alone alone;
  LogFacts log;
  Place place;
  bool copy_is_accepted = false;
  std::optional<ClosedNote> closed;
  std::optional<CommittedNote> committed;
};

/// The first reason that there is.
std::optional<Doubt> doubt_of(const Evidence& evidence);

/// The same, of the seal that shows through the log: nothing where there is none.
std::optional<Doubt> doubt_of_log(const Evidence& evidence, const std::optional<Seal>& shown);

}  // namespace nextid::store
