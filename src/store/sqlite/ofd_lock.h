// Open file description locks on single bytes (fcntl(2), F_OFD_SETLK): they belong to the open
// file, so they neither meet SQLite's own locks nor end when another descriptor of the process
// closes.
#pragma once

#include <sys/types.h>

namespace nextid::store {

enum class LockResult {
  kDone,
  kHeld,        ///< Somebody else holds it.
  kUnsupported  ///< The file system has no such locks: nothing is known.
};

/// Never blocks. A lock that is held already changes its kind.
LockResult try_lock_shared(int fd, off_t byte) noexcept;
LockResult try_lock_exclusive(int fd, off_t byte) noexcept;
void unlock(int fd, off_t byte) noexcept;

/// Whether another open file holds the byte, shared or not. False where that can't be known.
bool is_held_elsewhere(int fd, off_t byte) noexcept;

}  // namespace nextid::store
