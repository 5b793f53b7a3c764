// Readiness of descriptors, tasks and timers on one thread, by epoll(7).
//
// Boost.Asio offers all this, too, but reads each socket once more after the read that emptied it:
// a system call that finds nothing, a sixth of the CPU time of a cached id. Here the kernel tells
// once that something has come (EPOLLET), and whoever reads remembers whether it is all read.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <sys/epoll.h>
#include <vector>

#include <boost/system/error_code.hpp>

#include "base/clock.h"
#include "base/mutex.h"
#include "net/socket.h"

namespace nextid::net {

/// What has become possible since the last time that was told.
struct Readiness {
  bool readable = false;
  bool writable = false;
  bool ended = false;  ///< Reads meet the peer's end, or an error, after what is there.
};

class Reactor {
 public:
  using Task = std::function<void()>;

  /// Who waits for a descriptor.
  class Handler {
   public:
    /// What was told is told again only after a call that would have blocked, or that read less
    /// than it asked for. May remove this handler or others, and end its life if removed.
    virtual void on_ready(Readiness ready) = 0;

   protected:
    ~Handler() = default;
  };

  /// Throws std::system_error where the system has no descriptor left.
  Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  // ---- From any thread ----

  /// Runs `task` in a turn to come; never if the reactor ends first.
  void post(Task task) NEXTID_EXCLUDES(tasks_mutex_);
  /// Has the turn that waits, or the next one that would, come back at once.
  void wake() noexcept;
  void stop() noexcept;
  bool stopped() const noexcept { return stopped_.load(std::memory_order_relaxed); }
  /// Whether this thread takes the turns.
  bool in_this_thread() const noexcept;

  // ---- On the thread that takes the turns, or before the first one ----

  /// What is ready at that time is told in the next turn.
  boost::system::error_code add(int descriptor, Handler& handler);
  /// Before the descriptor is closed, which is soon: nothing more is told.
  void remove(Handler& handler) noexcept;
  /// Calls on_ready() with nothing new in the next turn, for who stopped before all was read.
  void call_again(Handler& handler) { again_.push_back(&handler); }
  void run_after(std::chrono::milliseconds delay, Task task);

  enum class Wait { kForEvents, kNot };
  /// Tells all that is ready, then runs tasks and timers that are due. Waits for the first of these
  /// if it may, and nothing is there.
  void turn(Wait wait);

 private:
  static constexpr std::size_t kMostEvents = 128;

  int timeout_ms(Wait wait) const;
  bool has_tasks() const NEXTID_EXCLUDES(tasks_mutex_);
  void tell_events(std::size_t count);
  void tell_again();
  void run_tasks() NEXTID_EXCLUDES(tasks_mutex_);
  void run_timers();

  Socket epoll_;
  Socket wakeup_;  // An eventfd.

  std::array<epoll_event, kMostEvents> events_{};
  std::span<epoll_event> untold_;  // Of events_.
  std::vector<Handler*> again_;
  std::vector<Handler*> untold_again_;

  std::multimap<base::MonotonicTime, Task> timers_;

  mutable base::Mutex tasks_mutex_;
  std::vector<Task> tasks_ NEXTID_GUARDED_BY(tasks_mutex_);
  std::atomic<bool> stopped_{false};
};

}  // namespace nextid::net
