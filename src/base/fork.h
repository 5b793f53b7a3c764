// Telling a forked child from the process that opened a store.
#pragma once

#include <cstdint>

namespace nextid::base {

/// Grows by one in each child at fork(); the parent keeps its number. Lock-free, signal-safe.
std::uint64_t fork_generation() noexcept;

/// Remembers the process that made it.
class ForkGuard {
 public:
  ForkGuard() noexcept : generation_(fork_generation()) {}
  /// True in a process forked from the one that made this object.
  bool in_child() const noexcept { return generation_ != fork_generation(); }

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
