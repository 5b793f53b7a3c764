#include "store/sqlite/file_lock.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include <sqlite3.h>

#include "base/cat.h"
#include "base/file_access.h"
#include "store/sqlite/database.h"
#include "store/sqlite/ofd_lock.h"

namespace nextid::store {
namespace {

using base::cat;
using std::chrono::microseconds;

constexpr microseconds kShortPause{50};
constexpr microseconds kLongPause{1000};

// Bytes of the file, beyond what is ever written there.
constexpr off_t kTurnstile = off_t{1} << 62;
constexpr off_t kUse = kTurnstile + 1;

/// Each pass of the turnstile is two system calls; a process that waits in it waits for so many
/// commits at most.
constexpr unsigned kMostAtOnce = 4;

/// Where a lock file can't be opened or made.
std::string what_to_do(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return "make its directory writable for this user";
  std::array<char, 8> mode{};
  std::snprintf(mode.data(), mode.size(), "%04o", static_cast<unsigned>(status.st_mode & 07777));
  return cat("it belongs to the user ", status.st_uid, ", with the mode ", mode.data(),
             ": give it the owner of the database (chown --reference)");
}

}  // namespace

/// The lock on its byte, until the end of a scope.
class FileLock::Turnstile {
 public:
  explicit Turnstile(const FileLock& lock) : fd_(lock.fd_->get()) {}
  ~Turnstile() { unlock(fd_, kTurnstile); }
  Turnstile(const Turnstile&) = delete;
  Turnstile& operator=(const Turnstile&) = delete;

  /// Where the system has no such locks, it goes without order.
  bool try_enter() const { return try_lock_exclusive(fd_, kTurnstile) != LockResult::kHeld; }

 private:
  const int fd_;
};

FileLock::Hold::~Hold() {
  if (lock_->fd_) ::flock(lock_->fd_->get(), LOCK_UN);
}

FileLock::Hold FileLock::acquire(base::MonotonicTime deadline) {
  const auto retry = [&](const auto& try_once, microseconds longest_pause) {
    for (microseconds pause = kShortPause; !try_once();
         pause = std::min(pause * 2, longest_pause)) {
      if (base::monotonic_now() >= deadline) {
        throw SqliteFailure(SQLITE_BUSY,
                            path_ + " is held by another process; see that it runs, or stop it");
      }
      std::this_thread::sleep_for(pause);
    }
  };
  if (!fd_) open_file();
  if (++at_once_ < kMostAtOnce && try_lock()) return Hold(*this);
  at_once_ = 0;
  const Turnstile turnstile(*this);
  retry([&] { return turnstile.try_enter(); }, kLongPause);
  // Only one process is here at a time, so it can look often.
  retry([&] { return try_lock(); }, kShortPause);
  return Hold(*this);
}

bool FileLock::try_lock() {
  if (::flock(fd_->get(), LOCK_EX | LOCK_NB) == 0) {
    if (in_use_ || !file_is_gone()) return true;
    // A lock on a deleted file excludes no process that comes later.
    open_file();
    return false;
  }
  if (errno == EWOULDBLOCK || errno == EINTR) return false;
  const std::string reason = std::strerror(errno);
  if (created_) remove_file();
  throw SqliteFailure(SQLITE_IOERR, cat("can't lock ", path_, ": ", reason,
                                        "; keep the database on this machine's own disk"));
}

bool FileLock::is_used_by_others() const { return is_held_elsewhere(fd_->get(), kUse); }

void FileLock::begin_use() {
  in_use_ = true;
  try_lock_shared(fd_->get(), kUse);
}

void FileLock::end_use() { unlock(fd_->get(), kUse); }

void FileLock::remove_file() noexcept { ::unlink(path_.c_str()); }

void FileLock::open_file() {
  constexpr int kFlags = O_RDWR | O_CLOEXEC | O_NOFOLLOW;
  int fd = -1;
  do {
    fd = ::open(path_.c_str(), kFlags);
    if (fd < 0 && errno == ENOENT) {
      fd = ::open(path_.c_str(), kFlags | O_CREAT | O_EXCL, base::kOwnMode);
      created_ = fd >= 0;
    }
  } while (fd < 0 && errno == EEXIST);
  if (fd < 0) {
    const std::string reason = std::strerror(errno);  // Before what_to_do() looks at the file.
    throw SqliteFailure(SQLITE_CANTOPEN, cat("can't open the lock file ", path_, ": ", reason, "; ",
                                             what_to_do(path_)));
  }
  share_with_writers(fd);
  fd_ = std::make_unique<base::ParentOnlyFd>(fd);
}

// A lock needs only a descriptor for reading: who may merely read the database could stop all ids.
void FileLock::share_with_writers(int fd) const {
  struct stat database {};
  struct stat lock {};
  const bool is_made = ::stat(database_.c_str(), &database) == 0;
  if (!is_made) database.st_mode = base::kOwnMode;
  if (::fstat(fd, &lock) != 0) return;
  const mode_t writers = (database.st_mode & (S_IWGRP | S_IWOTH)) | S_IWUSR;
  const mode_t wanted = writers | writers << 1;
  // Where these fail, the file is another user's, who looks after it.
  [[maybe_unused]] int failed = 0;
  if ((lock.st_mode & 0777) != wanted) failed = ::fchmod(fd, wanted);
  if (created_ && is_made && ::geteuid() == 0) {
    failed = ::fchown(fd, database.st_uid, database.st_gid);
  }
}

bool FileLock::file_is_gone() const {
  struct stat status {};
  return ::fstat(fd_->get(), &status) != 0 || status.st_nlink == 0;
}

}  // namespace nextid::store
