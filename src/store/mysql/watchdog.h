// Ends waits on sockets whose time is over.
#pragma once

#include <condition_variable>
#include <list>
#include <thread>

#include "base/clock.h"
#include "base/mutex.h"

namespace nextid::store {

/// A thread that shuts sockets down whose owner waits past a deadline: the wait then ends as if the
/// peer had closed. The client library's own limits count in whole seconds, and begin anew with
/// each piece that arrives. Thread-safe.
class Watchdog {
 public:
  /// Throws std::system_error where the system has no thread.
  Watchdog();
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// While it lives, the socket is shut down once the deadline has passed. The socket must stay
  /// open that long.
  class Guard {
   public:
    Guard(Watchdog& watchdog, int socket, base::MonotonicTime deadline);
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

    /// Whether it was shut down.
    bool has_bitten() const;

   private:
    friend class Watchdog;
    struct Watched {
      int socket = -1;
      base::MonotonicTime deadline = {};
      bool bitten = false;
    };
    Watchdog& watchdog_;
    std::list<Watched>::iterator watched_;
  };

 private:
  void run();

  mutable base::Mutex mutex_;
  std::condition_variable wake_;
  std::list<Guard::Watched> watched_ NEXTID_GUARDED_BY(mutex_);
  base::MonotonicTime wakes_at_ NEXTID_GUARDED_BY(mutex_) = base::MonotonicTime::min();
  bool stopping_ NEXTID_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace nextid::store
