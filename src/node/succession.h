// The engines that a counter has in this process, one after another, and what goes from one to the
// next. No locks, clocks, timers or threads: Counter has those, and the simulation its own.
//
// Most counters are idle, so there is an engine only from the first request on until it is at rest.
// The next engine has a new writer and a closed lane (I1, I3), and goes on where the one before
// ended (I1, I7); the accounting of all of them is kept (I5). When the counter itself is forgotten,
// HighWaters still has how far it was, and whether it has stopped (I8).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "nextid/accounting.h"

#include "base/clock.h"
#include "engine/engine.h"
#include "node/high_waters.h"

namespace nextid::node {

/// Guarded by its owner's lock, but for the lane.
class Succession {
 public:
  /// `rules` and `high_waters` are the node's, and outlive it.
  Succession(std::string counter, const engine::Rules& rules, HighWaters& high_waters,
             base::MonotonicTime now)
      : counter_(std::move(counter)),
        rules_(rules),
        high_waters_(high_waters),
        last_request_(now) {}

  const std::string& counter() const noexcept { return counter_; }
  engine::Lane& lane() noexcept { return lane_; }

  /// Null while there is none.
  engine::Engine* engine() const noexcept { return engine_.get(); }
  /// Makes the next engine; there must be none. `writer` and `seed` are as for an Engine.
  engine::Engine& begin(contract::WriterId writer, std::uint64_t seed,
                        engine::FirstUsePermit* permit = nullptr);
  /// Ticks the engine, if there is one, and takes its effects. Lets it go when it is at rest.
  engine::Effects tick(base::MonotonicTime now, base::WallMicros wall_us);

  /// True when nothing waits, and the last request is older than `time`. Ids taken from the lane
  /// since the last call count as a request at `now`.
  bool idle_since(base::MonotonicTime time, base::MonotonicTime now);
  /// For an idle counter: see Engine::rest(); tick() starts it. True when there is no engine any
  /// more, so that the counter may be forgotten.
  bool rest(base::MonotonicTime deadline);
  /// See Engine::close(); tick() starts it. True when there is no engine to close.
  bool close(base::MonotonicTime deadline);

  void count_as_burned(std::uint64_t count, BurnReason reason);

  Accounting accounting() const;
  /// As its last engine saw it; null before that.
  const Definition* definition() const noexcept;
  /// See Engine::last_value().
  std::int64_t last_value() const noexcept {
    return engine_ ? engine_->last_value() : predecessor_.high_water;
  }
  /// See Engine::issued(): what is to be remembered of the counter.
  std::int64_t issued() const noexcept;

 private:
  /// What is kept of engines that came to rest.
  struct Past {
    Accounting accounting;                 // Of all of them.
    std::optional<Definition> definition;  // As the last one saw it.
  };

  Past& past();
  void drop_engine();

  const std::string counter_;
  const engine::Rules& rules_;
  HighWaters& high_waters_;
  engine::Lane lane_;
  std::unique_ptr<engine::Engine> engine_;
  engine::Predecessor predecessor_;     // Of engine_, or of the next one.
  std::unique_ptr<Past> past_;          // Made when the first engine comes to rest.
  std::uint64_t taken_from_stock_ = 0;  // Of engine_, at the last idle_since().
  bool closing_ = false;
  base::MonotonicTime last_request_;
};

}  // namespace nextid::node
