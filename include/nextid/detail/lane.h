// The current block of a cached counter, from which any thread takes ids without a lock. The engine
// owns it; it is in a public header only so that IdGenerator::next_id() can be inline.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>

namespace nextid::detail {

/// Tells the processor that this thread waits for another one: some ten nanoseconds.
inline void pause_cpu() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" : : : "memory");
#endif
}

/// One word says which block is open and how many of its ids are taken. Taking one is a
/// compare-and-swap on it. It succeeds only if no id was taken, and no other block opened, since
/// the word was read: so the fields read in between are those of that block. No id is ever skipped,
/// and closing the block tells exactly how many were taken (I1, I5).
///
/// take(), take_run() and left() may be called by any thread; the rest by the owner of the
/// counter's lock.
class Lane {
 public:
  /// Most ids of one block.
  static constexpr std::uint64_t kMaxIds = std::numeric_limits<std::uint32_t>::max() - 1;

  /// The next id; or 0 from the block's mark on, and when none is open.
  std::uint64_t take() noexcept { return take_below(mark_, 1); }

  /// The first of `count` ids in a row, 1 or more; or 0 when the block has fewer left.
  std::uint64_t take_run(std::uint64_t count) noexcept { return take_below(count_, count); }

  /// Ids of the open block that were taken so far, and that are left.
  std::uint64_t taken() const noexcept {
    const std::uint64_t taken = word_.load(std::memory_order_acquire) & kTaken;
    return taken == kClosed ? 0 : taken;
  }
  std::uint64_t left() const noexcept {
    const std::uint64_t taken = word_.load(std::memory_order_acquire) & kTaken;
    return taken == kClosed ? 0 : count_.load(std::memory_order_relaxed) - taken;
  }

  /// Opens a block of 1 ... kMaxIds ids; none may be open. take() stops at index `mark`, at most
  /// `count`; a caller that meets the mark has the owner call pass_mark().
  void open(std::uint64_t first, std::uint64_t count, std::uint64_t increment,
            std::uint64_t mark) noexcept {
    first_.store(first, std::memory_order_relaxed);
    count_.store(count, std::memory_order_relaxed);
    increment_.store(increment, std::memory_order_relaxed);
    mark_.store(mark, std::memory_order_relaxed);
    word_.store(next_generation(word_.load(std::memory_order_relaxed)), std::memory_order_release);
  }

  /// Lets take() go on to the end of the block, if it has come to the mark.
  void pass_mark() noexcept {
    if (taken() < mark_.load(std::memory_order_relaxed)) return;
    mark_.store(count_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  }

  /// Closes the open block, if any; returns how many of its ids were taken. None is taken after it.
  std::uint64_t close() noexcept {
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    while (!word_.compare_exchange_weak(word, next_generation(word) | kClosed,
                                        std::memory_order_acq_rel, std::memory_order_relaxed)) {
    }
    const std::uint64_t taken = word & kTaken;
    return taken == kClosed ? 0 : taken;
  }

 private:
  // The word: a generation, which changes with each open() and close(), above the ids taken. A
  // thread would have to sleep through 2^32 of these, and wake at the same count, to mistake one
  // for another.
  static constexpr std::uint64_t kTaken = 0xFFFF'FFFF;
  static constexpr std::uint64_t kClosed = kTaken;
  static constexpr std::uint64_t next_generation(std::uint64_t word) noexcept {
    return ((word >> 32) + 1) << 32;
  }

  std::uint64_t take_below(const std::atomic<std::uint64_t>& limit, std::uint64_t count) noexcept {
    std::uint64_t word = word_.load(std::memory_order_acquire);
    for (;;) {
      const std::uint64_t taken = word & kTaken;
      const std::uint64_t end = limit.load(std::memory_order_relaxed);
      if (taken >= end || count > end - taken) return 0;
      const std::uint64_t id = id_at(taken);
      if (word_.compare_exchange_weak(word, word + count, std::memory_order_acq_rel,
                                      std::memory_order_relaxed)) {
        return id;
      }
      back_off();
      word = word_.load(std::memory_order_acquire);
    }
  }

  // A loser that retries at once steals the cache line from the winner, whose next attempt then
  // fails, too: two threads take twice as long an id without this wait.
  static void back_off() noexcept {
    for (int i = 0; i < 4; ++i) pause_cpu();
  }

  std::uint64_t id_at(std::uint64_t index) const noexcept {
    return first_.load(std::memory_order_relaxed) +
           index * increment_.load(std::memory_order_relaxed);
  }

  // All in one cache line, since taking an id reads all of it.
  alignas(64) std::atomic<std::uint64_t> word_{kClosed};
  std::atomic<std::uint64_t> first_{0};
  std::atomic<std::uint64_t> count_{0};
  std::atomic<std::uint64_t> increment_{1};
  std::atomic<std::uint64_t> mark_{0};
};

}  // namespace nextid::detail
