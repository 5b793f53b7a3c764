// The virtual clock of a simulated world, and what is to happen on it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace nextid::simulation {

using base::MonotonicTime;
using std::chrono::microseconds;

/// Events happen in the order of their times, those of one time in the order they were added.
class EventQueue {
 public:
  using Event = std::function<void()>;

  MonotonicTime now() const noexcept { return now_; }
  bool empty() const noexcept { return events_.empty(); }
  std::uint64_t happened() const noexcept { return happened_; }

  void at(MonotonicTime time, Event event) {
    events_.push_back(Item{std::max(time, now_), ++added_, std::move(event)});
    std::push_heap(events_.begin(), events_.end(), happens_later);
  }
  void after(microseconds delay, Event event) { at(now_ + delay, std::move(event)); }

  /// Moves the clock to the next event, and lets it happen. There must be one.
  void run_next() {
    std::pop_heap(events_.begin(), events_.end(), happens_later);
    const Item item = std::move(events_.back());
    events_.pop_back();
    now_ = item.time;
    ++happened_;
    item.event();
  }

  MonotonicTime next_time() const noexcept { return events_.front().time; }

 private:
  struct Item {
    MonotonicTime time;
    std::uint64_t number = 0;
    Event event;
  };
  static bool happens_later(const Item& a, const Item& b) noexcept {
    return std::pair(a.time, a.number) > std::pair(b.time, b.number);
  }

  MonotonicTime now_{std::chrono::hours(1)};
  std::uint64_t added_ = 0;
  std::uint64_t happened_ = 0;
  std::vector<Item> events_;  // A heap; the next event is in front.
};

}  // namespace nextid::simulation
