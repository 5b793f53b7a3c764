// What an engine and its owner say to one another: requests and their answers, attempts at ops, and
// loans. Plain values; no behaviour.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nextid/error.h"
#include "nextid/id_range.h"

#include "contract/op.h"

namespace nextid::engine {

/// One request. `number` grows in arrival order; `owner` and `tag` are its caller's, never read
/// here.
struct Ticket {
  std::uint64_t number = 0;
  void* owner = nullptr;
  std::uint64_t tag = 0;
};

struct Grant {
  Ticket ticket;
  IdRange range;
};

struct Refusal {
  Ticket ticket;
  Error error;
};

/// A request of advance() that has succeeded; the counter as it is now.
struct Advanced {
  Ticket ticket;
  contract::CounterState state;
};

/// One attempt at an op, to be sent to the store once. Its outcome comes back with its number.
struct Attempt {
  std::uint64_t number = 0;
  contract::Op op;
};

/// What the engine wants done. The owner takes it after each call.
struct Effects {
  std::vector<Grant> grants;
  std::vector<Refusal> refusals;
  std::vector<Advanced> advanced;
  std::optional<Attempt> attempt;
  std::vector<std::string> warnings;
  /// Set once, when the engine has stopped for good: the same sentence as Engine::stopped().
  std::string stopped;

  bool empty() const noexcept {
    return grants.empty() && refusals.empty() && advanced.empty() && !attempt && warnings.empty() &&
           stopped.empty();
  }
};

/// Ids that are lent to a cursor, which hands them out by itself.
struct Loan {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  std::uint64_t increment = 1;
};

}  // namespace nextid::engine
