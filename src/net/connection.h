// One client connection as its I/O thread sees it: the seam between the event loop and a protocol.
#pragma once

#include <cstdint>
#include <memory>

#include "nextid/id_generator.h"

#include "base/clock.h"

namespace nextid::net {

class IoThread;

/// Everything but on_range() runs on the connection's I/O thread, and so needs no lock.
/// An implementation keeps itself alive while deliver() is still to be called.
class Connection : public RangeReceiver, public std::enable_shared_from_this<Connection> {
 public:
  explicit Connection(IoThread& io) noexcept : io_(io) {}
  virtual ~Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// The answer to IoThread::allocate(), also after the client is gone. May end this object's life.
  virtual void deliver(std::uint64_t tag, Result<IdRange> range) = 0;
  /// The end of a turn: sends what is ready, in one system call.
  virtual void flush() = 0;
  /// Enforces time limits; called a few times a second, or more often if limits are short.
  virtual void sweep(base::MonotonicTime now) = 0;
  /// Answers the requests that it has, then closes; takes no new ones.
  virtual void drain() = 0;
  /// Closes at once; ids that were not sent are counted as burned.
  virtual void abort() = 0;

  void on_range(std::uint64_t tag, Result<IdRange> range) noexcept final;

 protected:
  IoThread& io() const noexcept { return io_; }

 private:
  IoThread& io_;
};

}  // namespace nextid::net
