// What an engine is given when it is made: the bounds that a node's engines share, and the place
// that it takes over.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "nextid/detail/lane.h"
#include "nextid/error.h"

#include "contract/counter_state.h"

namespace nextid::engine {

using detail::Lane;

/// Bounds of one engine. A request beyond them is refused at once.
struct Limits {
  std::uint64_t max_range = 1'000'000;
  std::uint64_t max_waiting_requests = 100'000;
  std::uint64_t max_waiting_ids = 1'000'000'000;
  std::uint64_t max_reservation = 10'000'000;
};

/// What becomes of a counter that does not exist when it is first used.
struct FirstUse {
  bool creates = true;  ///< The counter is made; otherwise its requests are refused as kNotFound.
  std::uint64_t cache = 1;  ///< For its definition, which has all other defaults.
};

/// What the engines of a node share.
struct Rules {
  Limits limits = {};
  FirstUse first_use = {};
  std::string store_url = {};  ///< For sentences: what people give to the command line.
};

/// What an engine must know of the counter's engine before it.
struct Predecessor {
  static constexpr std::int64_t kNothingYet = std::numeric_limits<std::int64_t>::min();

  std::uint64_t last_ticket = 0;   ///< Numbers go on above it: an old number names no new ticket,
  std::uint64_t last_attempt = 0;  ///< and an old outcome meets no new attempt.
  std::int64_t high_water = kNothingYet;  ///< See Engine::issued(). No id at or below it again.
  std::string stopped = {};  ///< Why the counter had stopped; the new engine refuses with it, too.
};

/// Asked before a counter is made on first use, where Rules::first_use would make it. Called by the
/// engine's tick() and outcome(), so under its owner's lock.
class FirstUsePermit {
 public:
  /// Why the requests that wait are refused instead.
  virtual std::optional<Error> why_not_make() = 0;

 protected:
  ~FirstUsePermit() = default;
};

/// The place of one engine among a counter's engines.
struct Seat {
  std::string counter;
  /// New: never used before by any engine.
  contract::WriterId writer = 0;
  /// Drives the jitter of repeats.
  std::uint64_t seed = 0;
  /// Outlives the engine.
  const Rules& rules;
  /// The engine's alone, closed. Outlives the engine.
  Lane& lane;
  Predecessor predecessor = {};
  /// Null: none is needed. Outlives the engine.
  FirstUsePermit* permit = nullptr;
};

}  // namespace nextid::engine
