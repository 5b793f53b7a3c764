// What all parts of one simulated world share.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "history/checker.h"
#include "history/history.h"
#include "simulation/event_queue.h"
#include "simulation/parameters.h"
#include "simulation/random.h"
#include "simulation/trace.h"

namespace nextid::simulation {

inline const std::string kCounter = "c";
/// The counter's name in the history: what happens in one timeline is a history of its own.
inline std::string name_of_timeline(std::size_t timeline) {
  return timeline == 0 ? kCounter : kCounter + "-" + std::to_string(timeline);
}

struct Context {
  Context(const Parameters& drawn, bool prints)
      : parameters(drawn), random(drawn.seed ^ 0x5EED), trace(prints) {
    history.files.push_back("simulated");
  }

  /// A moment of the history, later than all before it.
  std::uint64_t next_moment() noexcept { return ++moment; }

  void note(std::string_view what, std::initializer_list<std::uint64_t> values = {}) {
    using std::chrono::hours;
    trace.note(static_cast<std::uint64_t>(
                   std::chrono::duration_cast<microseconds>(queue.now() - MonotonicTime(hours(1)))
                       .count()),
               what, values);
  }

  void violated(history::Invariant invariant, const std::string& how) {
    note("VIOLATION " + how);
    if (!abandoned) report.add(invariant, how);
  }

  microseconds up_to(std::uint64_t us) {
    return microseconds(static_cast<std::int64_t>(random.below(us + 1)));
  }
  bool fails(std::uint64_t per_mille) { return faulty && random.chance(per_mille); }

  const Parameters parameters;
  Random random;
  EventQueue queue;
  Trace trace;
  history::History history;
  history::Report report;
  std::uint64_t moment = 0;
  bool faulty = true;  ///< Until the world heals.
  /// Something happened after which nothing can be demanded any more: see Ledger::gave_back().
  bool abandoned = false;
};

}  // namespace nextid::simulation
