// simulate: runs worlds until a seed fails. Exit code: 0 all hold, 1 a seed failed, 2 bad options.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "simulation/canaries.h"
#include "simulation/parameters.h"
#include "simulation/world.h"

namespace {

using nextid::history::Invariant;
using nextid::simulation::World;

struct Options {
  std::optional<std::uint64_t> seed;
  std::uint64_t from = 1;
  std::uint64_t count = 2'000;
  double minutes = 0;
  std::string canary;
  bool trace = false;
};

void print_failure(const World& world, std::uint64_t seed, const Options& options) {
  std::printf("FAILED: seed %ju:%s\n", std::uintmax_t{seed},
              to_string(nextid::simulation::draw_parameters(seed)).c_str());
  for (std::size_t i = 0; i < nextid::history::kInvariants; ++i) {
    const auto invariant = static_cast<Invariant>(i);
    for (const std::string& example : world.report().examples(invariant)) {
      std::printf("  %s: %s\n", std::string(to_string(invariant)).c_str(), example.c_str());
    }
  }
  const std::string canary = options.canary.empty() ? "" : " --canary " + options.canary;
  std::printf("To see it again: script/simulate --seed %ju --trace%s\n", std::uintmax_t{seed},
              canary.c_str());
}

/// False when the seed failed.
bool run(std::uint64_t seed, const Options& options) {
  World world(nextid::simulation::draw_parameters(seed), options.trace);
  world.run();
  if (options.seed) std::printf("trace hash %016jx\n", std::uintmax_t{world.trace_hash()});
  if (world.report().ok()) return true;
  print_failure(world, seed, options);
  return false;
}

int run_all(const Options& options) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  std::uint64_t done = 0;
  const auto goes_on = [&] {
    return options.minutes > 0 ? seconds() < options.minutes * 60 : done < options.count;
  };
  for (; goes_on(); ++done) {
    if (!run(options.from + done, options)) return 1;
  }
  std::printf("ok: seeds %ju to %ju, %.0f a second\n", std::uintmax_t{options.from},
              std::uintmax_t{options.from + done - 1}, static_cast<double>(done) / seconds());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Runs simulated worlds, each made by a seed, and checks the invariants I1 ... I8.");
  Options options;
  app.add_option("--seed", options.seed, "Run this seed alone");
  app.add_option("--from", options.from, "The first seed")->capture_default_str();
  app.add_option("--count", options.count, "How many seeds")->capture_default_str();
  app.add_option("--minutes", options.minutes, "Instead, as many as can be run in this time");
  app.add_option("--canary", options.canary, "With this bug of src/base/canary.h");
  app.add_flag("--trace", options.trace, "Print each event");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (!options.canary.empty()) {
    const auto canary = nextid::simulation::canary_named(options.canary);
    if (!canary) {
      std::fprintf(stderr, "simulate: there is no canary '%s'; there are:", options.canary.c_str());
      for (const auto& one : nextid::simulation::kCanaries) {
        std::fprintf(stderr, " %s", std::string(one.name).c_str());
      }
      std::fprintf(stderr, "\n");
      return 2;
    }
    nextid::base::active_canary = *canary;
  }
  if (options.seed) return run(*options.seed, options) ? 0 : 1;
  return run_all(options);
}
