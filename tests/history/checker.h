// Checks a history against the invariants of docs/architecture.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "history/history.h"

namespace nextid::history {

enum class Invariant : std::uint8_t {
  kUnique,      ///< I1: no id is in two answers.
  kDurable,     ///< I2: no id is beyond the value that the store has now.
  kOrdered,     ///< I3: A received before B was sent means A's ids are below B's.
  kContiguous,  ///< I4: a range is one run of ids, of the size it says.
  kAccounted,   ///< I5: ids in no answer are those that somebody counted as burned.
  kHonest,      ///< I6: no id outside start ... max, no partial range.
  kForwards,    ///< I7: no value of the store below an id answered. A simulated world watches it.
  kSameStore,   ///< I8: no id that a process should not have, of a store that was set back or
                ///< exchanged. A simulated world watches it.
  kLive,        ///< Requests and closes end, and no counter stops. A simulated world watches it.
};
inline constexpr std::size_t kInvariants = 9;

/// "I1 unique", ... "I8 same store", "liveness".
std::string_view to_string(Invariant invariant) noexcept;

/// What the caller knows of the counter, or of each counter where no name is given.
struct Expectations {
  /// Between which answers I3 holds: a cached counter's ids are in order within one node only.
  enum class Order { kEverywhere, kWithinNode };

  std::string counter;      ///< Only this counter's records are checked; empty: all counters'.
  std::uint64_t start = 1;  ///< The counter's first id.
  std::optional<std::uint64_t> increment;  ///< Else that of the first range answered.
  std::uint64_t max = (std::uint64_t{1} << 63) - 1;
  Order order = Order::kEverywhere;
  std::optional<std::uint64_t> exact;  ///< The ids answered are exactly the first `exact` ones.
  bool no_gap = false;                 ///< They are all those from start to the highest one.
  std::optional<std::uint64_t> value;  ///< The counter's value: ids answered + burned make up all.
  std::uint64_t burned = 0;            ///< With `value`.
};

/// What was found: all violations are counted, the first few of each invariant are described.
class Report {
 public:
  static constexpr std::size_t kExamples = 5;

  void add(Invariant invariant, std::string description);
  void add(const Report& other);

  bool ok() const noexcept { return total() == 0; }
  std::uint64_t total() const noexcept;
  std::uint64_t count(Invariant invariant) const noexcept;
  const std::vector<std::string>& examples(Invariant invariant) const noexcept;

  // What was checked.
  std::uint64_t counters = 0;
  std::uint64_t answered = 0;    ///< Requests with ids.
  std::uint64_t unanswered = 0;  ///< Requests without.
  std::uint64_t ids = 0;         ///< Distinct ids answered.

 private:
  struct Finding {
    std::uint64_t count = 0;
    std::vector<std::string> examples;
  };
  std::array<Finding, kInvariants> findings_;
};

/// O(n log n) in the records; never in the ids.
Report check(const History& history, const Expectations& expectations);

}  // namespace nextid::history
