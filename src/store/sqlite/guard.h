// Keeps a database the store that it was while it is open (I8): its files in their places, its seal
// true, its log and its checkpoints in order.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "store/sqlite/database.h"
#include "store/sqlite/file_lock.h"
#include "store/sqlite/main_file.h"
#include "store/sqlite/note.h"
#include "store/sqlite/seal.h"

namespace nextid::store {

/// Of one open connection. Not thread-safe: one thread at a time. All that changes something
/// requires that the lock is held.
class SqliteGuard {
 public:
  /// What it works with, all of which must outlive it. `seal` is in force, and `seal_in_main` the
  /// mark of the one in the main file.
  struct Parts {
    Database& database;
    FileLock& lock;
    MainFile& main_file;
    Seal seal;
    std::int64_t seal_in_main = 0;
  };

  /// The log and its index must be there.
  SqliteGuard(const Parts& parts, std::function<base::WallMicros()> wall_clock);
  ~SqliteGuard();
  SqliteGuard(const SqliteGuard&) = delete;
  SqliteGuard& operator=(const SqliteGuard&) = delete;

  /// Throws SqliteFailure if the main file or its log is no longer where it was: ids reserved in a
  /// file that was moved away, deleted or replaced would come again from the one that takes its
  /// place (I1). Two system calls.
  void check_files();

  /// Notes how far the log is, for the next opening: see SqliteNote::set_committed().
  void note_committed();

  /// In a transaction that writes: brings the seal up to date where that is due.
  void keep_seal();
  /// After COMMIT, before any outcome leaves: notes how far the log is, and sees that the main file
  /// says that it needs its log.
  void committed();

  /// Whether enough has piled up in the log for a checkpoint.
  bool checkpoint_is_due() noexcept;
  /// Brings the log over into the main file, as far as readers let it. Throws SqliteFailure.
  void checkpoint();

  /// Before the connection closes: leaves a main file that will be whole, if nobody else uses it,
  /// and has SQLite remove the log with the connection. True if so.
  bool prepare_close();

  /// The store is no longer one of the past: see Seal::is_past, Seal::skip_for_new.
  void end_past(std::uint64_t skip_for_new);

  const Seal& seal() const noexcept { return seal_; }

  /// Transactions of this connection that wrote to the log. Any thread may call it.
  std::uint64_t flushes() const noexcept { return flushes_.load(std::memory_order_relaxed); }

 private:
  static int on_flush(void* guard, sqlite3*, const char*, int in_log);
  void write_seal(bool needs_log);
  void write_seal_alone(bool needs_log);
  bool run_checkpoint();
  void look_at_main_file();
  LogSalts salts();

  Database& database_;
  MainFile& main_file_;
  SqliteNote note_;
  const std::function<base::WallMicros()> wall_clock_;
  const std::string log_path_;
  SqliteSeal table_;
  Statement begin_;
  Statement commit_;

  Seal seal_;                      // The last one that this connection wrote or read.
  std::int64_t seal_in_main_ = 0;  // The mark of the one in the main file.
  FileId log_id_;
  std::int64_t main_written_ns_ = 0;  // The last write of the main file that is known here.
  bool seal_due_ = true;              // The log's present generation may lack it.
  bool main_lacks_need_ = false;      // Another program brought over a seal that needs no log.
  bool wrote_seal_ = false;           // In the transaction that is open.

  std::unique_ptr<base::ParentOnlyFd> log_fd_;
  LogSalts salts_;
  bool salts_known_ = false;
  std::atomic<std::uint64_t> flushes_{0};
  int wal_frames_ = 0;           // In the log, after the last commit here.
  int noted_frames_ = 0;         // The same, after the one before.
  int checkpointed_frames_ = 0;  // In the log, at the last checkpoint here.
};

}  // namespace nextid::store
