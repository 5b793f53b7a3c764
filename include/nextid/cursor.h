// The fastest source of ids: one a thread, for a few nanoseconds an id.
#pragma once

#include <cstdint>

#include "nextid/detail/fork.h"
#include "nextid/error.h"
#include "nextid/id_generator.h"

namespace nextid {

/// Takes a sub-block from a cached counter's block and hands out its ids without touching memory
/// that other threads use. Not thread-safe: one a thread; the counter's generators and any number
/// of cursors may be in use at the same time.
///
/// The order is weaker than a generator's (I3): ids of one cursor grow, but an id of one cursor may
/// be smaller than one that another cursor or a generator returned long before. Ids are unique
/// (I1) and durable (I2) as all are. On a strict counter (`cache` 1), or while the process holds
/// no ids, next_id() is IdGenerator::next_id().
///
/// The ids that are left of the sub-block when the cursor ends serve other cursors of the counter
/// only. Ids still unused when the counter closes, or has been idle for
/// StoreOptions::idle_counter_timeout, are burned as kDiscard. Destroy cursors before
/// Store::close(): ids that a cursor hands out after it are unique, but count as burned until the
/// cursor ends.
class Cursor {
 public:
  /// Never fails: when the generator's store did not open, each call returns that error.
  explicit Cursor(const IdGenerator& generator) : source_(open(generator)) {}
  ~Cursor() { close(source_, next_, end_); }
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  /// One id. Blocks, and fails, as IdGenerator::next_id() does when the process holds no more ids.
  Result<std::uint64_t> next_id() {
    std::uint64_t id = next_;
    if (id != end_ && generation_ == detail::fork_generation.load(std::memory_order_relaxed))
        [[likely]] {
      next_ = id + increment_;
    } else {
      // All by value, so that the members of a cursor in a loop can live in registers.
      const Refilled refilled = refill(*source_, id, end_);
      next_ = refilled.next;
      end_ = refilled.end;
      increment_ = refilled.increment;
      id = refilled.id;
      if (id == 0) return last_error(*source_);
    }
    return id;
  }

 private:
  struct Source;
  struct Refilled {
    std::uint64_t id = 0;  // 0 when it failed, for last_error() to tell why.
    std::uint64_t next = 0;
    std::uint64_t end = 0;  // One increment past the last id.
    std::uint64_t increment = 1;
  };

  static Source* open(const IdGenerator& generator);
  static void close(Source* source, std::uint64_t next, std::uint64_t end) noexcept;
  /// An id from a new sub-block, or from the generator; the old one's ids from `next` on, if any,
  /// go back.
  static Refilled refill(Source& source, std::uint64_t next, std::uint64_t end);
  static Error last_error(const Source& source);

  Source* const source_;
  const std::uint64_t generation_ = detail::fork_generation.load(std::memory_order_relaxed);
  std::uint64_t next_ = 0;
  std::uint64_t end_ = 0;
  std::uint64_t increment_ = 1;
};

}  // namespace nextid
