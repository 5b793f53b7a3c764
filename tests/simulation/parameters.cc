#include "simulation/parameters.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "contract/store_driver.h"
#include "simulation/random.h"

namespace nextid::simulation {
namespace {

constexpr std::uint64_t kSecondUs = 1'000'000;
constexpr std::uint64_t kMinuteUs = 60 * kSecondUs;

/// None, or so many at most.
std::uint64_t some(Random& random, std::uint64_t most) {
  return random.chance(400) ? 0 : random.between_orders(1, most);
}

void draw_counter(Random& random, Parameters& p) {
  const bool exhausts = p.kind == Kind::kExhaustion || (p.kind == Kind::kAll && random.chance(300));
  Definition& definition = p.definition;
  definition.increment = random.pick({1, 1, 1, 2, 7, 10, 1'000, std::uint64_t{1} << 40});
  definition.start = random.pick({1, 1, 1, 2, 5, 99, 1'000'000'000'000});
  if (exhausts) {
    const std::uint64_t span =
        random.between_orders(1, 512) * definition.increment + random.below(definition.increment);
    if (random.chance(300)) definition.start = kMaxId - span;
    definition.max = definition.start + span;
  }
  const bool strict = p.kind == Kind::kStrict || (p.kind != Kind::kCached && random.chance(300));
  definition.cache = strict ? 1 : random.pick({2, 3, 5, 10, 40, 200, 1'000, 1'000'000});
  if (p.kind == Kind::kGiveBacks) definition.cache = random.between(2, 8);
  p.rules.first_use.cache = definition.cache;
  p.defined = exhausts || random.chance(700);
  if (!p.defined) {
    definition = Definition{};
    definition.cache = p.rules.first_use.cache;
    p.rules.first_use.creates = random.chance(800);
  }
}

void draw_limits(Random& random, Parameters& p) {
  p.largest_count = random.between_orders(1, 64);
  if (random.chance(700)) return;
  p.rules.limits.max_range = random.between(1, p.largest_count + 1);
  p.rules.limits.max_waiting_requests = random.between_orders(1, 16);
  p.rules.limits.max_waiting_ids = p.rules.limits.max_range + random.below(100);
  p.rules.limits.max_reservation = p.rules.limits.max_range + random.below(20);
}

void draw_clients(Random& random, Parameters& p) {
  p.nodes = random.pick({1, 1, 2, 2, 3, 4});
  p.clients = random.between_orders(1, 16);
  p.requests = std::max<std::uint64_t>(10, random.between_orders(40, 400) / p.clients);
  p.think_us = random.between_orders(1, 50'000);
  p.turn_us = random.chance(500) ? 0 : random.between_orders(1, 2'000);
  p.ranges = random.pick({0, 100, 500, 1'000});
  p.delay_us = random.between_orders(1, 20'000);
  p.commit_us = random.between_orders(1, 20'000);
}

void draw_client_faults(Random& random, Parameters& p) {
  p.request_timeout_us = random.between_orders(50'000, 100 * kMinuteUs);
  p.short_timeouts = some(random, 300);
  p.cancels = some(random, 200);
  p.undelivered = some(random, 100);
}

void draw_store_faults(Random& random, Parameters& p) {
  p.requests_lost = some(random, 400);
  p.answers_lost = some(random, 400);
  p.late_copies = some(random, 500);
  p.latest_copy_us = random.between_orders(1'000, 20 * kMinuteUs);
  p.throttled = some(random, 300);
  p.store_restarts = some(random, 30);
  p.prunings = some(random, 50);
}

void draw_node_faults(Random& random, Parameters& p) {
  p.crashes = random.chance(400) ? 0 : some(random, 50);
  p.close_timeout_us = random.between_orders(1, 10 * kMinuteUs);
  p.pauses = some(random, 30);
  p.longest_pause_us = random.between_orders(1'000, 30 * kMinuteUs);
  p.clock_jumps = some(random, 30);
  p.largest_jump_us = random.between_orders(1'000, 300 * kMinuteUs);
}

/// Stores that are set back and exchanged under nodes that rest, restart and come again.
/// Definitions stay: a definition of the past may have the same revision as another one had later.
void draw_set_backs(Random& random, Parameters& p) {
  p.nodes = random.pick({1, 1, 2, 3});
  p.set_backs = random.between_orders(5, 100);
  p.exchanges = some(random, 20);
  p.recoveries = some(random, 50);
  p.rests = random.between(50, 500);
  p.rest_timeout_us = random.between_orders(100'000, 5'000'000);
  p.crashes = some(random, 100);
  p.state_files = random.pick({0, 500, 1'000, 1'000});
  p.state_writes = random.between(100, 1'000);
}

/// Slots look idle while their writers live, and copies of old ops find none where there was one.
void draw_prunings(Random& random, Parameters& p) {
  p.clock_jumps = random.between(20, 100);
  p.largest_jump_us = random.between(20, 300) * kMinuteUs;
  p.prunings = random.between(50, 200);
  p.late_copies = random.between(100, 500);
}

/// One client that restarts its node again and again, while copies of what the node sent arrive
/// late: the value comes back to where an old give-back would find it.
void draw_give_backs(Random& random, Parameters& p) {
  p.nodes = random.pick({1, 1, 2});
  p.clients = random.pick({1, 1, 2});
  p.requests = random.between(100, 300);
  p.largest_count = std::min<std::uint64_t>(p.largest_count, 3);
  p.restarts = random.between(100, 500);
  p.down_us = random.between_orders(1, 10'000);
  p.late_copies = random.between(300, 1'000);
  p.latest_copy_us = random.between_orders(10'000, 1'000'000);
  p.crashes = 0;
}

}  // namespace

std::string_view to_string(Kind kind) noexcept {
  constexpr std::array<std::string_view, kKinds> kNames{
      "strict", "cached", "definitions", "exhaustion", "give-backs", "all", "set-backs"};
  return kNames[static_cast<std::size_t>(kind)];
}

Parameters draw_parameters(std::uint64_t seed) {
  Random random(seed);
  Parameters p;
  p.seed = seed;
  p.kind = kind_of(seed);
  p.rules.store_url = "simulated:";
  draw_counter(random, p);
  draw_limits(random, p);
  draw_clients(random, p);
  p.restarts = some(random, 60);
  p.down_us = random.between_orders(1, 1'000'000);
  const bool quiet = random.chance(120);
  if (!quiet) {
    draw_client_faults(random, p);
    draw_store_faults(random, p);
    draw_node_faults(random, p);
    p.cursors = some(random, 300);
    p.advances = random.chance(500) ? 0 : some(random, 60);
    p.foreign_adds = random.chance(600) ? 0 : some(random, 60);
  }
  const bool changes = p.kind == Kind::kDefinitions || p.kind == Kind::kAll;
  if (changes) p.redefinitions = random.between_orders(5, 100);
  if (!quiet && random.chance(150)) draw_prunings(random, p);
  if (!quiet && p.kind == Kind::kGiveBacks) draw_give_backs(random, p);
  p.rests = some(random, 300);
  p.rest_timeout_us = random.between_orders(1, 5'000'000);
  p.state_files = random.pick({0, 500, 1'000});
  p.state_writes = some(random, 300);
  if (p.kind == Kind::kSetBacks) draw_set_backs(random, p);
  if (changes && random.chance(500)) p.deletions = random.between_orders(2, 60);
  return p;
}

bool Parameters::leaves_no_gap() const noexcept {
  const std::uint64_t losses = short_timeouts + cancels + undelivered + cursors + advances +
                               requests_lost + answers_lost + throttled + store_restarts + crashes +
                               pauses + clock_jumps + foreign_adds + set_backs + exchanges +
                               deletions;
  const bool strict = definition.cache == 1 && redefinitions == 0;
  const bool closes_in_time = restarts == 0 || close_timeout_us >= kMinuteUs;
  const bool rests_in_time = rests == 0 || rest_timeout_us >= kSecondUs;
  return losses == 0 && closes_in_time && rests_in_time && (strict || nodes == 1);
}

bool Parameters::may_prune_live_slots() const noexcept {
  const auto limit = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(contract::kSlotIdleLimit).count());
  // Clocks that jumped apart, or a writer that was silent for long.
  return (clock_jumps > 0 && largest_jump_us > limit / 8) ||
         (pauses > 0 && longest_pause_us > limit / 8) || request_timeout_us > limit / 8;
}

std::string to_string(const Parameters& p) {
  std::ostringstream line;
  const auto put = [&](const char* name, auto value) { line << ' ' << name << '=' << value; };
  line << "kind=" << to_string(p.kind);
  put("start", p.definition.start);
  put("increment", p.definition.increment);
  put("max", p.definition.max);
  put("cache", p.definition.cache);
  put("defined", p.defined);
  put("creates", p.rules.first_use.creates);
  put("max_range", p.rules.limits.max_range);
  put("max_waiting_requests", p.rules.limits.max_waiting_requests);
  put("max_waiting_ids", p.rules.limits.max_waiting_ids);
  put("max_reservation", p.rules.limits.max_reservation);
  put("nodes", p.nodes);
  put("clients", p.clients);
  put("requests", p.requests);
  put("think_us", p.think_us);
  put("turn_us", p.turn_us);
  put("largest_count", p.largest_count);
  put("ranges", p.ranges);
  put("request_timeout_us", p.request_timeout_us);
  put("short_timeouts", p.short_timeouts);
  put("cancels", p.cancels);
  put("undelivered", p.undelivered);
  put("cursors", p.cursors);
  put("advances", p.advances);
  put("delay_us", p.delay_us);
  put("commit_us", p.commit_us);
  put("requests_lost", p.requests_lost);
  put("answers_lost", p.answers_lost);
  put("late_copies", p.late_copies);
  put("latest_copy_us", p.latest_copy_us);
  put("throttled", p.throttled);
  put("store_restarts", p.store_restarts);
  put("prunings", p.prunings);
  put("set_backs", p.set_backs);
  put("exchanges", p.exchanges);
  put("recoveries", p.recoveries);
  put("crashes", p.crashes);
  put("restarts", p.restarts);
  put("down_us", p.down_us);
  put("close_timeout_us", p.close_timeout_us);
  put("rests", p.rests);
  put("rest_timeout_us", p.rest_timeout_us);
  put("state_files", p.state_files);
  put("state_writes", p.state_writes);
  put("pauses", p.pauses);
  put("longest_pause_us", p.longest_pause_us);
  put("clock_jumps", p.clock_jumps);
  put("largest_jump_us", p.largest_jump_us);
  put("redefinitions", p.redefinitions);
  put("foreign_adds", p.foreign_adds);
  put("deletions", p.deletions);
  return line.str();
}

}  // namespace nextid::simulation
