#include "store/sqlite/guard.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <utility>

#include "store/sqlite/wal.h"

namespace nextid::store {
namespace {

/// A log that is reused from its start commits faster than one that grows.
constexpr int kFramesPerCheckpoint = 1000;

std::optional<struct statx> look_at(const std::string& path, unsigned what) {
  struct statx status {};
  if (::statx(AT_FDCWD, path.c_str(), 0, what, &status) != 0) return std::nullopt;
  return status;
}

/// Whether it is that file, under this name alone.
bool is(const struct statx& status, const FileId& id) {
  return makedev(status.stx_dev_major, status.stx_dev_minor) == id.device &&
         status.stx_ino == id.inode && status.stx_nlink == 1;
}

std::int64_t written_ns(const struct statx& status) {
  return status.stx_mtime.tv_sec * 1'000'000'000 + status.stx_mtime.tv_nsec;
}

SqliteFailure not_in_place(const std::string& path) {
  return SqliteFailure(SQLITE_READONLY,
                       path +
                           " was moved, deleted or replaced while it was open; stop its users, put "
                           "the file back and start again");
}

}  // namespace

SqliteGuard::SqliteGuard(const Parts& parts, std::function<base::WallMicros()> wall_clock)
    : database_(parts.database),
      main_file_(parts.main_file),
      note_(parts.lock.fd()),
      wall_clock_(std::move(wall_clock)),
      log_path_(parts.database.path() + "-wal"),
      table_(parts.database),
      begin_(parts.database, "BEGIN IMMEDIATE"),
      commit_(parts.database, "COMMIT"),
      seal_(parts.seal),
      seal_in_main_(parts.seal_in_main) {
  sqlite3_wal_hook(database_.get(), &on_flush, this);
  const int fd = ::open(log_path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  struct stat status {};
  if (fd < 0 || ::fstat(fd, &status) != 0) throw not_in_place(log_path_);
  log_fd_ = std::make_unique<base::ParentOnlyFd>(fd);
  log_id_ = {status.st_dev, status.st_ino};
  const auto main = look_at(database_.path(), STATX_MTIME);
  if (!main) throw not_in_place(database_.path());
  main_written_ns_ = written_ns(*main);
}

SqliteGuard::~SqliteGuard() { sqlite3_wal_hook(database_.get(), nullptr, nullptr); }

/// SQLite calls it after each commit that wrote to the log.
int SqliteGuard::on_flush(void* guard, sqlite3*, const char*, int in_log) {
  auto& self = *static_cast<SqliteGuard*>(guard);
  self.wal_frames_ = in_log;
  self.flushes_.fetch_add(1, std::memory_order_relaxed);
  return SQLITE_OK;
}

void SqliteGuard::check_files() {
  // Not the log's times: a file whose times were asked for gets new ones with its next write, and
  // that write takes longer.
  const auto log = look_at(log_path_, STATX_INO | STATX_NLINK);
  if (!log || !is(*log, log_id_)) throw not_in_place(log_path_);
  const auto main = look_at(database_.path(), STATX_INO | STATX_NLINK | STATX_MTIME);
  if (!main || !is(*main, main_file_.id())) throw not_in_place(database_.path());
  const std::int64_t now_written = written_ns(*main);
  if (std::exchange(main_written_ns_, now_written) == now_written) return;
  // Another program brought a part of the log over, or all of it.
  look_at_main_file();
}

void SqliteGuard::look_at_main_file() {
  const Alone alone = read_alone(database_.path());
  if (!alone.seal) return;
  seal_in_main_ = alone.seal->mark;
  main_lacks_need_ = !alone.seal->needs_log;
  seal_due_ = true;
  salts_known_ = false;
}

void SqliteGuard::keep_seal() {
  wrote_seal_ = false;
  if (!seal_due_) return;
  write_seal(main_lacks_need_);
}

/// In the transaction that is open.
void SqliteGuard::write_seal(bool needs_log) {
  if (auto shown = table_.read()) seal_ = *std::move(shown);
  seal_.earlier = seal_.mark;
  seal_.follows = seal_in_main_;
  seal_.mark = random_mark();
  seal_.needs_log = needs_log;
  seal_.used_s = static_cast<std::int64_t>(wall_clock_() / 1'000'000);
  table_.write(seal_);
  wrote_seal_ = true;
}

/// In a transaction of its own.
void SqliteGuard::write_seal_alone(bool needs_log) {
  begin_.run();
  try {
    write_seal(needs_log);
    commit_.run();
  } catch (const SqliteFailure&) {
    database_.roll_back();
    throw;
  }
}

void SqliteGuard::committed() {
  const bool restarted = wal_frames_ < noted_frames_;
  if (restarted) {
    salts_known_ = false;
    checkpointed_frames_ = 0;
    // Each generation of the log needs the seal, which tells whose log it is.
    if (!wrote_seal_) write_seal_alone(false);
  }
  if (wrote_seal_) seal_due_ = false;
  if (main_lacks_need_) {
    // Until the main file says again that it needs its log, no id may leave.
    main_lacks_need_ = false;
    run_checkpoint();
  }
  note_committed();
}

void SqliteGuard::note_committed() {
  noted_frames_ = wal_frames_;
  note_.set_committed({salts(), static_cast<std::uint64_t>(wal_frames_)});
}

LogSalts SqliteGuard::salts() {
  if (!std::exchange(salts_known_, true)) salts_ = read_salts(log_fd_->get());
  return salts_;
}

bool SqliteGuard::checkpoint_is_due() noexcept {
  return wal_frames_ - checkpointed_frames_ >= kFramesPerCheckpoint;
}

void SqliteGuard::checkpoint() {
  // Noted as done whatever its result: while a reader or a full disk is in the way, the next
  // attempt can wait for as many frames again.
  checkpointed_frames_ = wal_frames_;
  write_seal_alone(true);
  checkpointed_frames_ = wal_frames_;
  run_checkpoint();
  note_committed();
}

/// For a log whose last seal needs the log. True if all of it was brought over.
bool SqliteGuard::run_checkpoint() {
  int in_log = 0;
  int brought_over = 0;
  const int code = sqlite3_wal_checkpoint_v2(database_.get(), "main", SQLITE_CHECKPOINT_PASSIVE,
                                             &in_log, &brought_over);
  const bool is_complete = code == SQLITE_OK && in_log == brought_over;
  // The seal that needs no log must be written either way: into the log that begins, or into this
  // one.
  seal_due_ = true;
  if (is_complete) seal_in_main_ = seal_.mark;
  if (const auto main = look_at(database_.path(), STATX_MTIME))
    main_written_ns_ = written_ns(*main);
  return is_complete;
}

void SqliteGuard::end_past(std::uint64_t skip_for_new) {
  begin_.run();
  try {
    if (auto shown = table_.read()) seal_ = *std::move(shown);
    seal_.is_past = false;
    seal_.skip_for_new = skip_for_new;
    table_.write(seal_);
    commit_.run();
  } catch (const SqliteFailure&) {
    database_.roll_back();
    throw;
  }
  // The main file tells it, too, should the log be lost.
  checkpoint();
}

bool SqliteGuard::prepare_close() {
  if (main_file_.is_used_by_others()) {
    checkpoint();
    return false;
  }
  check_files();
  write_seal_alone(false);
  log_fd_.reset();
  // As the last connection SQLite brings over what is left, and removes the log.
  sqlite3_db_config(database_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
  return true;
}

}  // namespace nextid::store
