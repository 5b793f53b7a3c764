// One event loop on one thread: its connections, and the batch of allocations they share.
//
// A turn of the reactor reads all sockets that are ready; then one submit, and with SQLite one
// commit, serves them all, and each connection sends its answers in one system call.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "nextid/id_generator.h"
#include "nextid/store.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "net/client_memory.h"
#include "net/connection.h"
#include "net/lobby.h"
#include "net/reactor.h"
#include "net/shared_generator.h"
#include "stats/front_end_stats.h"

namespace nextid::net {

class IoThread {
 public:
  /// Starts the thread. `sweep_period` is the resolution of the connections' time limits;
  /// `front_ends` are those whose connections will join; `memory` is that of all threads'
  /// connections, and must outlive this.
  IoThread(Store store, std::chrono::milliseconds sweep_period,
           std::span<const stats::FrontEndLabels> front_ends, ClientMemory& memory,
           Lobby::Limits lobby = {});
  /// Calls stop().
  ~IoThread();
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  // ---- From any thread ----

  /// Runs `task` on this thread; never if stop() comes first.
  void post(Reactor::Task task) { reactor_.post(std::move(task)); }
  bool in_this_thread() const noexcept { return reactor_.in_this_thread(); }

  /// Counts a connection that is on its way to adopt().
  void expect_connection() noexcept { open_connections_.fetch_add(1); }
  std::size_t open_connections() const noexcept { return open_connections_.load(); }
  /// The counts of each front end: any thread may read them, this one alone writes.
  const std::vector<stats::FrontEndStats>& stats() const noexcept { return stats_; }

  /// Hands over an answer that another thread received.
  void post_answer(Connection& connection, std::uint64_t tag, Result<IdRange> range);

  /// Lets every connection answer the requests that it has and close; new connections do so, too.
  void drain();
  /// False when connections were still open at `deadline`.
  bool wait_until_empty(base::MonotonicTime deadline);
  /// Closes the connections that are left: see Connection::abort().
  void abort_connections();
  /// Ends the thread, then takes the answers that came too late. Call it when no more answers can
  /// come: after Store::close(). Idempotent.
  void stop();

  // ---- On this thread ----

  Reactor& reactor() noexcept { return reactor_; }
  /// Of the front end of that name.
  stats::FrontEndStats& stats_of(std::string_view front_end) noexcept;
  /// The place in the list of front ends of the one whose counts these are.
  std::size_t front_end_of(const stats::FrontEndStats& stats) const noexcept {
    return static_cast<std::size_t>(&stats - stats_.data());
  }
  Lobby& lobby() noexcept { return lobby_; }
  const Store& store() const noexcept { return store_; }
  ClientMemory& memory() noexcept { return memory_; }
  /// The generators of this thread's connections.
  SharedGenerators& generators() noexcept { return generators_; }
  bool draining() const noexcept { return draining_; }

  void adopt(std::shared_ptr<Connection> connection);
  void forget(const std::shared_ptr<Connection>& connection);

  /// Adds to the turn's batch; the answer goes to connection.deliver(), at the turn's end or later.
  RequestId allocate(const IdGenerator& generator, std::uint64_t count,
                     base::MonotonicTime deadline, Connection& connection, std::uint64_t tag,
                     std::optional<IdempotencyKey> key = {});
  /// A connection frees so many bytes in a sweep.
  void note_freed(std::size_t bytes) noexcept { freed_bytes_ += bytes; }
  /// Calls connection->flush() at the end of this turn.
  void flush_at_turn_end(std::shared_ptr<Connection> connection);

 private:
  struct Answer {
    Connection* connection;  // Alive: it waits for this answer.
    std::uint64_t tag;
    Result<IdRange> range;
  };

  void run();
  void end_turn();
  void deliver_mail();
  void flush_connections();
  void schedule_sweep();
  void return_freed();
  std::vector<std::shared_ptr<Connection>> connections() const;

  const Store store_;
  SharedGenerators generators_;  // Before the reactor, whose tasks hold connections.
  const std::chrono::milliseconds sweep_period_;
  ClientMemory& memory_;
  Lobby lobby_;  // The same.
  Reactor reactor_;

  std::size_t freed_bytes_ = 0;  // And not yet returned to the system.

  Batch batch_;
  std::size_t batched_ = 0;          // Allocations in batch_.
  std::size_t read_since_look_ = 0;  // Allocations, since the reactor last looked for clients.
  std::vector<std::shared_ptr<Connection>> to_flush_;
  std::vector<std::shared_ptr<Connection>> flushing_;
  std::unordered_set<std::shared_ptr<Connection>> connections_;
  bool draining_ = false;

  base::Mutex mail_mutex_;
  std::vector<Answer> mail_ NEXTID_GUARDED_BY(mail_mutex_);
  std::vector<Answer> opened_mail_;  // Of this thread alone.

  std::vector<stats::FrontEndStats> stats_;

  std::atomic<std::size_t> open_connections_{0};
  base::Mutex empty_mutex_;
  std::condition_variable empty_;

  std::thread thread_;
};

}  // namespace nextid::net
