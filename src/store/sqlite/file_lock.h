// The lock file beside a database: one process at a time commits or checkpoints.
//
// Why SQLite's own locks are not enough: from 3.7.0 to 3.51.2, a checkpoint in one connection that
// coincides with a commit in another which restarts the WAL may leave later commits out of the
// database (sqlite.org/wal.html, "WAL-reset bug"). Holding this lock around every commit and every
// checkpoint keeps the two apart, whatever SQLite is installed.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/fork.h"

namespace nextid::store {

/// flock(2) on a file that is made when missing and stays. Not thread-safe. A forked child never
/// keeps it: the descriptor closes there.
///
/// A busy process would lock again before a waiting one has noticed that the lock was free. So
/// there is a turnstile, a lock on a byte of the file: a process that waits for the lock stands in
/// it, and one that got the lock a few times in a row at once passes it, too, and so lets the other
/// go first.
class FileLock {
 public:
  /// Lets go of the lock at the end of a scope.
  class Hold {
   public:
    explicit Hold(FileLock& lock) : lock_(&lock) {}
    ~Hold();
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    FileLock* lock_;
  };

  /// Of the database at this path. The lock file that acquire() makes is its owner's: a
  /// command of root's must not leave a file that the service can't open. Who may write the
  /// database may open it, and nobody else.
  explicit FileLock(const std::string& database) : database_(database), path_(database + "-lock") {}

  /// Blocks until the lock is held, polling; tries once at least. Throws SqliteFailure when another
  /// process still holds it at `deadline`, or when the file can't be made.
  [[nodiscard]] Hold acquire(base::MonotonicTime deadline);

  /// True when this object made the file.
  bool created() const noexcept { return created_; }
  /// Of the file, once acquire() has opened it.
  int fd() const noexcept { return fd_->get(); }

  /// Whether another store uses this very file for a database, here or in another process. Certain
  /// while the lock is held.
  bool is_used_by_others() const;
  /// From now on others see that the file is in use. This object keeps to this file, even if it is
  /// deleted, as all its users do. Requires that the lock is held.
  void begin_use();
  void end_use();

  /// Deletes the file. Requires that the lock is held: a process that waits for it notices, and
  /// makes another file.
  void remove_file() noexcept;

 private:
  class Turnstile;

  void open_file();
  void share_with_writers(int fd) const;
  bool try_lock();
  bool file_is_gone() const;

  const std::string database_;
  const std::string path_;
  std::unique_ptr<base::ParentOnlyFd> fd_;
  bool created_ = false;
  bool in_use_ = false;
  unsigned at_once_ = 0;  // Times in a row that the lock was free.
};

}  // namespace nextid::store
