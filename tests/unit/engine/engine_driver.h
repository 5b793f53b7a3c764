// Drives one engine by hand: the test plays the owner and the store.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "engine/engine.h"

namespace nextid::engine {

inline Definition cached() {
  Definition definition;
  definition.cache = 100;
  return definition;
}

class EngineDriver {
 public:
  static constexpr contract::WriterId kWriter = 77;
  static constexpr WallMicros kWallStart = 1'000'000;

  explicit EngineDriver(const Limits& limits = {}, FirstUse first_use = {})
      : rules_{limits, first_use, "sqlite:ids.db"},
        engine_(
            {.counter = "orders", .writer = kWriter, .seed = 1, .rules = rules_, .lane = lane_}) {}

  /// Asks for `count` ids, with a deadline this long from now.
  std::uint64_t request(std::uint64_t count,
                        std::chrono::milliseconds timeout = std::chrono::seconds(5)) {
    return engine_.request(nullptr, 0, count, now_ + timeout);
  }

  void tick(std::chrono::milliseconds later = {}) {
    now_ += later;
    engine_.tick(now_, wall_us_ + static_cast<WallMicros>(later.count()) * 1'000);
    wall_us_ += static_cast<WallMicros>(later.count()) * 1'000;
    collect();
  }

  /// The outcome of the attempt that is out, and the tick that follows it.
  void answer(const contract::Outcome& outcome) {
    ASSERT_TRUE(attempt.has_value());
    const std::uint64_t number = std::exchange(attempt, std::nullopt)->number;
    engine_.outcome(number, outcome);
    tick();
  }

  /// Lets the first request through load, so that reserves follow.
  void load(const Definition& definition = {}, std::int64_t value = 0, contract::Seq floor = 0) {
    ASSERT_TRUE(std::holds_alternative<contract::Load>(attempt.value().op));
    answer(contract::Found{{value, definition, floor, std::nullopt}});
  }

  /// Of a new engine of a counter that is cached(): 1 ... 10 are returned, 11 ... 20 in stock.
  /// Returns the seq of that Reserve.
  contract::Seq fill_stock() {
    request(10);
    tick();
    load(cached());
    EXPECT_EQ(reserve().step, 20U);
    const contract::Seq seq = reserve().seq;
    answer(contract::Committed{20});
    return seq;
  }

  const contract::Reserve& reserve() const {
    return std::get<contract::Reserve>(attempt.value().op);
  }
  const contract::GiveBack& give_back() const {
    return std::get<contract::GiveBack>(attempt.value().op);
  }
  const contract::Advance& advance() const {
    return std::get<contract::Advance>(attempt.value().op);
  }
  const contract::Release& release() const {
    return std::get<contract::Release>(attempt.value().op);
  }

  /// The range granted to a ticket, or an error's name.
  std::string answer_of(std::uint64_t ticket) const {
    if (const auto it = grants.find(ticket); it != grants.end()) {
      return std::to_string(it->second.start()) + "-" + std::to_string(it->second.end());
    }
    if (const auto it = refusals.find(ticket); it != refusals.end()) {
      return std::string(to_string(it->second.code()));
    }
    return "none";
  }

  /// An Advance that is to end like the others, in a grant, a refusal, or in `advanced`.
  std::uint64_t request_advance(std::int64_t to,
                                std::chrono::milliseconds timeout = std::chrono::seconds(5)) {
    return engine_.advance(nullptr, to, now_ + timeout);
  }

  Engine& engine() { return engine_; }
  MonotonicTime now() const { return now_; }

  std::optional<Attempt> attempt;
  std::map<std::uint64_t, IdRange> grants;
  std::map<std::uint64_t, Error> refusals;
  std::map<std::uint64_t, std::int64_t> advanced;
  std::size_t warnings = 0;
  std::vector<std::string> stops;

 private:
  void collect() {
    Effects effects = engine_.take_effects();
    for (const Grant& grant : effects.grants) {
      EXPECT_TRUE(grants.emplace(grant.ticket.number, grant.range).second);
    }
    for (const Refusal& refusal : effects.refusals) {
      EXPECT_TRUE(refusals.emplace(refusal.ticket.number, refusal.error).second);
    }
    for (const AdvanceAnswer& each : effects.advances) {
      const std::uint64_t number = each.ticket.number;
      if (each.counter) {
        EXPECT_TRUE(advanced.emplace(number, each.counter->value).second);
      } else {
        EXPECT_TRUE(refusals.emplace(number, each.counter.error()).second);
      }
    }
    warnings += effects.warnings.size();
    if (!effects.stopped.empty()) stops.push_back(effects.stopped);
    if (effects.attempt) {
      EXPECT_FALSE(attempt.has_value()) << "two attempts at a time";
      attempt = std::move(effects.attempt);
    }
  }

  const Rules rules_;
  Lane lane_;
  Engine engine_;
  MonotonicTime now_{std::chrono::hours(1)};
  WallMicros wall_us_ = kWallStart;
};

}  // namespace nextid::engine
