// The memory that the connections of a server hold together, and its bound.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace nextid::net {

/// What a client is told whose request is not served for want of memory.
inline constexpr std::string_view kMemoryIsShort =
    "The server's clients hold as much memory as --max-client-bytes allows; read the answers that "
    "wait, and try again soon.";

/// While the sum is above the bound, memory is short: a connection that holds more than its share,
/// which is the bound divided among the most connections that there may be, gets no request served
/// and is closed if it does not let go. One that holds less goes on. So somebody can always be
/// asked to let go, and who holds little never pays for the others.
///
/// The figures are estimates: capacities of buffers and sizes of objects, without the allocator's
/// own. Thread-safe.
class ClientMemory {
 public:
  /// Of a connection, from which `peer` comes, that was closed because it held too much.
  using OnEviction = std::function<void(const std::string& peer)>;

  ClientMemory(std::size_t bound_bytes, std::size_t most_connections, OnEviction on_eviction)
      : bound_bytes_(bound_bytes),
        share_bytes_(bound_bytes / most_connections),
        on_eviction_(std::move(on_eviction)) {}

  std::size_t bound_bytes() const noexcept { return bound_bytes_; }
  std::size_t share_bytes() const noexcept { return share_bytes_; }
  std::size_t held_bytes() const noexcept { return held_bytes_.load(std::memory_order_relaxed); }
  bool is_short() const noexcept { return held_bytes() > bound_bytes_; }

  /// A connection that held `before` bytes holds `now`.
  void note(std::size_t before, std::size_t now) noexcept {
    held_bytes_.fetch_add(now - before, std::memory_order_relaxed);
  }

  void note_eviction(const std::string& peer) {
    evictions_.fetch_add(1, std::memory_order_relaxed);
    on_eviction_(peer);
  }
  std::size_t evictions() const noexcept { return evictions_.load(std::memory_order_relaxed); }

 private:
  const std::size_t bound_bytes_;
  const std::size_t share_bytes_;
  const OnEviction on_eviction_;
  std::atomic<std::size_t> held_bytes_{0};
  std::atomic<std::size_t> evictions_{0};
};

}  // namespace nextid::net
