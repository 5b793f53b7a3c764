// A machine's clock, and its sleep.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "simulation/context.h"
#include "simulation/simulated_store.h"

namespace nextid::simulation {

class Machine {
 public:
  Machine(Context& context, std::uint64_t number) : context_(context), number_(number) {}

  /// No other machine's.
  std::uint64_t number() const noexcept { return number_; }

  base::WallMicros wall_us() const { return wall_clock(context_, clock_offset_us_); }
  void clock_jumps(std::int64_t by_us) noexcept { clock_offset_us_ += by_us; }

  /// Does it now, or when the machine wakes, in the order of the calls.
  void when_awake(std::function<void()> what) {
    if (asleep_) {
      deferred_.push_back(std::move(what));
    } else {
      what();
    }
  }

  void sleep(microseconds length) {
    if (std::exchange(asleep_, true)) return;
    context_.queue.after(length, [this, nap = ++naps_] {
      if (nap == naps_) wake();
    });
  }

  void wake() {
    ++naps_;
    asleep_ = false;
    for (const auto& what : std::exchange(deferred_, {})) what();
  }

 private:
  Context& context_;
  const std::uint64_t number_;
  std::int64_t clock_offset_us_ = 0;
  bool asleep_ = false;
  std::uint64_t naps_ = 0;
  std::vector<std::function<void()>> deferred_;
};

}  // namespace nextid::simulation
