#include "store/sqlite/main_file.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <list>
#include <memory>
#include <sys/stat.h>
#include <thread>

#include <sqlite3.h>

#include "base/cat.h"
#include "base/fork.h"
#include "base/mutex.h"
#include "store/sqlite/database.h"
#include "store/sqlite/ofd_lock.h"

namespace nextid::store {
namespace {

using base::cat;

// Far beyond SQLite's own locks, which lie at 2^30, and beyond every page.
constexpr off_t kUse = off_t{1} << 62;
constexpr off_t kOpening = kUse + 1;

constexpr std::chrono::microseconds kPause{200};

}  // namespace

struct MainFile::Entry {
  FileId id;
  std::unique_ptr<base::ParentOnlyFd> fd;
  base::ForkGuard fork_guard;
  int shares = 0;
  int uses = 0;  // Shares that have begun to use it.
};

/// Those of this process, and in a child those of its parents. The mutex is held across fork(), so
/// that the child finds the list whole.
struct MainFile::Entries {
  base::Mutex mutex;
  std::list<Entry> list NEXTID_GUARDED_BY(mutex);

  static Entries& get() {
    static Entries* const entries = make();  // Outlives stores in static variables.
    return *entries;
  }

  static Entries* make() {
    base::at_fork(&lock_for_fork, &unlock_after_fork, &unlock_after_fork);
    return new Entries;
  }

  // One takes the lock and the other lets it go, so neither is balanced by itself.
  static void lock_for_fork() NEXTID_NO_THREAD_SAFETY_ANALYSIS { get().mutex.lock(); }
  static void unlock_after_fork() NEXTID_NO_THREAD_SAFETY_ANALYSIS { get().mutex.unlock(); }

  Entry* find(const FileId& id, bool of_parent) NEXTID_REQUIRES(mutex) {
    for (Entry& entry : list) {
      if (entry.id == id && entry.fork_guard.in_child() == of_parent) return &entry;
    }
    return nullptr;
  }
};

MainFile::MainFile(const std::string& path) {
  const auto cannot_open = [&] {
    return SqliteFailure(SQLITE_CANTOPEN, cat("can't open ", path, ": ", std::strerror(errno),
                                              "; check the path and its permissions"));
  };
  const auto id = file_id_of(path);
  Entries& entries = Entries::get();
  const base::Lock lock(entries.mutex);
  // A second descriptor would, when it closes, drop SQLite's locks: so look before opening.
  entry_ = id ? entries.find(*id, false) : nullptr;
  if (entry_ == nullptr) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) throw cannot_open();
    auto own = std::make_unique<base::ParentOnlyFd>(fd);
    struct stat status {};
    if (::fstat(fd, &status) != 0) throw cannot_open();
    entries.list.push_back(
        Entry{{status.st_dev, status.st_ino}, std::move(own), base::ForkGuard(), 0, 0});
    entry_ = &entries.list.back();
  }
  ++entry_->shares;
}

MainFile::~MainFile() {
  Entries& entries = Entries::get();
  const base::Lock lock(entries.mutex);
  if (in_use_ && --entry_->uses == 0) unlock(entry_->fd->get(), kUse);
  if (--entry_->shares > 0) return;
  entries.list.remove_if([this](const Entry& entry) { return &entry == entry_; });
}

bool MainFile::is_inherited(const FileId& id) {
  Entries& entries = Entries::get();
  const base::Lock lock(entries.mutex);
  return entries.find(id, true) != nullptr;
}

const FileId& MainFile::id() const noexcept { return entry_->id; }

MainFile::Opening MainFile::lock_opening(base::MonotonicTime deadline) const {
  const int fd = entry_->fd->get();
  while (try_lock_exclusive(fd, kOpening) == LockResult::kHeld) {
    if (base::monotonic_now() >= deadline) {
      throw SqliteFailure(SQLITE_BUSY,
                          "the database is being opened by another process under another name; "
                          "see that it runs, or stop it");
    }
    std::this_thread::sleep_for(kPause);
  }
  return Opening(fd);
}

MainFile::Opening::~Opening() { unlock(fd_, kOpening); }

bool MainFile::is_used_by_others() const {
  Entries& entries = Entries::get();
  const base::Lock lock(entries.mutex);
  return entry_->uses > (in_use_ ? 1 : 0) || is_held_elsewhere(entry_->fd->get(), kUse);
}

void MainFile::begin_use() {
  Entries& entries = Entries::get();
  const base::Lock lock(entries.mutex);
  if (in_use_) return;
  in_use_ = true;
  if (++entry_->uses == 1) try_lock_shared(entry_->fd->get(), kUse);
}

}  // namespace nextid::store
