// Files that the parent of this process had open as databases when it forked.
//
// SQLite keeps its locks' books a process, and a forked child starts with a copy of its parent's:
// it would believe that it holds locks which the kernel gave to the parent alone. So a child must
// not open a database that was open at the fork.
#pragma once

#include <sys/types.h>

#include "base/fork.h"

namespace nextid::store {

/// Marks a file as open while this lives, across forks. In a child it must be leaked, as its store.
class OpenFileMark {
 public:
  OpenFileMark(dev_t device, ino_t inode);
  ~OpenFileMark();
  OpenFileMark(const OpenFileMark&) = delete;
  OpenFileMark& operator=(const OpenFileMark&) = delete;

  /// True if a process that this one was forked from had the file marked then. Thread-safe.
  static bool is_inherited(dev_t device, ino_t inode);

 private:
  friend struct MarkList;
  const dev_t device_;
  const ino_t inode_;
  const base::ForkGuard fork_guard_;
  OpenFileMark* next_ = nullptr;
};

}  // namespace nextid::store
