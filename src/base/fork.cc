#include "base/fork.h"

#include <mutex>
#include <pthread.h>
#include <unistd.h>

namespace nextid::detail {

std::atomic<std::uint64_t> fork_generation{0};

}  // namespace nextid::detail

namespace nextid::base {
namespace {

std::mutex fds_mutex;  // Held across fork(), so that the child finds the list whole.
ParentOnlyFd* fds = nullptr;

}  // namespace

struct ForkHandlers {
  static void prepare() { fds_mutex.lock(); }
  static void parent() { fds_mutex.unlock(); }
  static void child() {
    detail::fork_generation.fetch_add(1, std::memory_order_relaxed);
    for (ParentOnlyFd* it = fds; it != nullptr; it = it->next_) {
      ::close(it->fd_);
      it->fd_ = -1;
    }
    fds_mutex.unlock();
  }
  static void install() {
    static const int installed = pthread_atfork(&prepare, &parent, &child);
    static_cast<void>(installed);
  }
  static void add(ParentOnlyFd* item) {
    install();
    const std::lock_guard lock(fds_mutex);
    item->next_ = fds;
    fds = item;
  }
  static void remove(ParentOnlyFd* item) {
    const std::lock_guard lock(fds_mutex);
    for (ParentOnlyFd** it = &fds; *it != nullptr; it = &(*it)->next_) {
      if (*it == item) {
        *it = item->next_;
        return;
      }
    }
  }
};

void at_fork(void (*before)(), void (*after_in_parent)(), void (*after_in_child)()) {
  ForkHandlers::install();
  ::pthread_atfork(before, after_in_parent, after_in_child);
}

ForkGuard::ForkGuard() noexcept {
  ForkHandlers::install();
  generation_ = detail::fork_generation.load(std::memory_order_relaxed);
}

ParentOnlyFd::ParentOnlyFd(int fd) : fd_(fd) { ForkHandlers::add(this); }

ParentOnlyFd::~ParentOnlyFd() {
  ForkHandlers::remove(this);
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace nextid::base
