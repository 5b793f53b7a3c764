// The main file of a database, as this process has it open beside SQLite: for the locks that tell
// which others have it open, whatever name or side files they use (I8).
#pragma once

#include <string>

#include "base/clock.h"
#include "store/sqlite/place.h"

namespace nextid::store {

/// A store's share of the one descriptor that this process has of a file. Thread-safe.
///
/// Closing any descriptor of a file drops all POSIX locks that the process has on it, SQLite's
/// too: so the descriptor is closed with the last share, after SQLite's own, and a program that
/// embeds nextid must not have the file open by itself.
///
/// SQLite keeps a record of its locks in each process, and a forked child starts with a copy of its
/// parent's: it would believe that it holds locks which the kernel gave to the parent alone. So a
/// child must not open a file that was open at the fork, and must leak a share of it, as it leaks
/// the store.
class MainFile {
 public:
  /// Lets go of the opening lock at the end of a scope.
  class Opening {
   public:
    explicit Opening(int fd) : fd_(fd) {}
    ~Opening();
    Opening(const Opening&) = delete;
    Opening& operator=(const Opening&) = delete;

   private:
    const int fd_;
  };

  /// Throws SqliteFailure.
  explicit MainFile(const std::string& path);
  ~MainFile();
  MainFile(const MainFile&) = delete;
  MainFile& operator=(const MainFile&) = delete;

  /// True if a process that this one was forked from had the file open then.
  static bool is_inherited(const FileId& id);

  const FileId& id() const noexcept;

  /// One process opens at a time, whatever name it has for the file. Throws SqliteFailure at
  /// `deadline`. Within a process FileLock does that.
  [[nodiscard]] Opening lock_opening(base::MonotonicTime deadline) const;
  /// Whether another store has begun to use the file, here or in another process. Certain while
  /// the opening lock or FileLock is held.
  bool is_used_by_others() const;
  /// From now on, until this share ends, others see that the file is in use.
  void begin_use();

 private:
  struct Entry;
  struct Entries;

  Entry* entry_;
  bool in_use_ = false;
};

}  // namespace nextid::store
