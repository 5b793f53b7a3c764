// What kind of world a seed makes: everything that a world draws before it starts.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "nextid/counter.h"

#include "engine/engine.h"

namespace nextid::simulation {

/// What a world is about. Everything else varies within each kind.
enum class Kind : std::uint8_t {
  kStrict,
  kCached,
  kDefinitions,
  kExhaustion,
  kGiveBacks,
  kAll,
  kSetBacks
};
inline constexpr std::size_t kKinds = 7;

/// A seed alone decides its world, its kind included.
inline Kind kind_of(std::uint64_t seed) noexcept { return static_cast<Kind>(seed % kKinds); }
std::string_view to_string(Kind kind) noexcept;

/// Chances in a thousand, of each message or of each action of a client; times in microseconds.
struct Parameters {
  std::uint64_t seed = 0;
  Kind kind = Kind::kStrict;

  // The counter.
  bool defined = true;  ///< Before the nodes start; otherwise on first use, with `first_use`.
  Definition definition;
  engine::Rules rules;

  // The clients.
  std::uint64_t nodes = 1;
  std::uint64_t clients = 1;
  std::uint64_t requests = 100;  ///< Of each client.
  std::uint64_t think_us = 1'000;
  std::uint64_t turn_us = 0;  ///< A node ticks so long after a request, at most.
  std::uint64_t largest_count = 1;
  std::uint64_t ranges = 0;
  std::uint64_t request_timeout_us = 5'000'000;
  std::uint64_t short_timeouts = 0;
  std::uint64_t cancels = 0;
  std::uint64_t undelivered = 0;
  std::uint64_t cursors = 0;
  std::uint64_t advances = 0;

  // The store and the way to it.
  std::uint64_t delay_us = 100;
  std::uint64_t commit_us = 100;
  std::uint64_t requests_lost = 0;
  std::uint64_t answers_lost = 0;
  std::uint64_t late_copies = 0;
  std::uint64_t latest_copy_us = 1'000;
  std::uint64_t throttled = 0;
  std::uint64_t store_restarts = 0;
  std::uint64_t prunings = 0;
  std::uint64_t set_backs = 0;   ///< It is as it was some time ago.
  std::uint64_t exchanges = 0;   ///< Another one is in its place, or it is back.
  std::uint64_t recoveries = 0;  ///< What `nextid recover` is to do, by hand.

  // The nodes, and others at the store.
  std::uint64_t crashes = 0;
  std::uint64_t restarts = 0;
  std::uint64_t down_us = 1'000;  ///< Between two processes of a node, at most.
  std::uint64_t close_timeout_us = 60'000'000;
  std::uint64_t rests = 0;
  std::uint64_t rest_timeout_us = 5'000'000;
  std::uint64_t state_files = 0;   ///< Of nodes: they remember what they did before a restart.
  std::uint64_t state_writes = 0;  ///< Besides those when a process closes.
  std::uint64_t pauses = 0;
  std::uint64_t longest_pause_us = 1'000;
  std::uint64_t clock_jumps = 0;
  std::uint64_t largest_jump_us = 1'000;
  std::uint64_t redefinitions = 0;
  std::uint64_t foreign_adds = 0;
  std::uint64_t deletions = 0;  ///< Or the counter is brought back, where it was deleted.

  /// Whether each id that was ever reserved must be in some answer, up to the counter's value.
  bool leaves_no_gap() const noexcept;
  /// Whether slots may become old enough to be pruned while their writers live.
  bool may_prune_live_slots() const noexcept;
};

Parameters draw_parameters(std::uint64_t seed);

/// On one line, for a report: "kind=strict nodes=3 ...".
std::string to_string(const Parameters& parameters);

}  // namespace nextid::simulation
