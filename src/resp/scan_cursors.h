// The cursors of SCAN: Redis's are numbers, and ours are names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "base/mutex.h"

namespace nextid::resp {

/// The cursors of a whole node, since clients go on with a scan on any of their connections. Keeps
/// the last kMost that it gave out. Thread-safe.
class ScanCursors {
 public:
  static constexpr std::size_t kMost = 4096;

  /// A cursor, never 0, for what follows this name.
  std::uint64_t add(std::string name);
  /// The name; "" for the cursor 0, and nothing for one that is not kept (any more).
  std::optional<std::string> find(std::uint64_t cursor) const;

 private:
  mutable base::Mutex mutex_;
  std::deque<std::string> names_
      NEXTID_GUARDED_BY(mutex_);  // Of the cursors first_, first_ + 1, ...
  std::uint64_t first_ NEXTID_GUARDED_BY(mutex_) = 1;
};

}  // namespace nextid::resp
