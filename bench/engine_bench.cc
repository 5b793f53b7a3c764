// The engine alone, and with the memory store: what an id costs before any disk or socket.
#include <chrono>
#include <cstdint>
#include <utility>

#include <benchmark/benchmark.h>

#include "engine/engine.h"

namespace nextid::engine {
namespace {

/// One strict step: a batch of requests, one reserve, its outcome, the grants.
void BM_StrictStep(benchmark::State& state) {
  const auto batch = static_cast<std::uint64_t>(state.range(0));
  Lane lane;
  const Rules rules;
  Engine engine({.counter = "bench", .writer = 1, .seed = 1, .rules = rules, .lane = lane});
  MonotonicTime now{std::chrono::hours(1)};
  WallMicros wall_us = 1'000'000;
  const MonotonicTime deadline = now + std::chrono::hours(24);
  std::int64_t value = 0;

  engine.request(nullptr, 0, 1, deadline);
  engine.tick(now, wall_us);
  engine.outcome(engine.take_effects().attempt->number, contract::Found{});
  for (auto _ : state) {
    for (std::uint64_t i = 0; i < batch; ++i) engine.request(nullptr, i, 1, deadline);
    engine.tick(now, ++wall_us);
    const Attempt attempt = *engine.take_effects().attempt;
    value += static_cast<std::int64_t>(std::get<contract::Reserve>(attempt.op).step);
    engine.outcome(attempt.number, contract::Committed{value});
    benchmark::DoNotOptimize(engine.take_effects().grants.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_StrictStep)->Arg(1)->Arg(64)->Arg(1024);

}  // namespace
}  // namespace nextid::engine
