// Telling a forked child from the process that opened a store.
#pragma once

#include <cstdint>

#include "nextid/detail/fork.h"

namespace nextid::base {

/// Like pthread_atfork(), for a lock under which objects of this header are made or destroyed.
/// `before` runs ahead of the handler that takes this header's own lock, so fork() takes the two in
/// the same order as all other code. To be called once a process. Thread-safe.
void at_fork(void (*before)(), void (*after_in_parent)(), void (*after_in_child)());

/// Remembers the process that made it. Making one is thread-safe; asking it is signal-safe, too.
class ForkGuard {
 public:
  ForkGuard() noexcept;
  /// True in a process forked from the one that made this object.
  bool in_child() const noexcept {
    return generation_ != detail::fork_generation.load(std::memory_order_relaxed);
  }

 private:
  std::uint64_t generation_;
};

/// A file descriptor that every forked child closes at once, so that a lock of the parent's on it
/// (flock belongs to the open file, which fork shares) ends with the parent and not with the child.
class ParentOnlyFd {
 public:
  explicit ParentOnlyFd(int fd);
  /// Closes the descriptor; in a child it is closed already.
  ~ParentOnlyFd();
  ParentOnlyFd(const ParentOnlyFd&) = delete;
  ParentOnlyFd& operator=(const ParentOnlyFd&) = delete;

  int get() const noexcept { return fd_; }

 private:
  friend struct ForkHandlers;
  int fd_;
  ParentOnlyFd* next_ = nullptr;
};

}  // namespace nextid::base
