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

namespace nextid {
class RangeReceiver;
}

namespace nextid::engine {

/// One request for ids. `number` grows in arrival order; `receiver` and `tag` are its caller's, for
/// its answer: the engine hands them back and never uses them.
struct Ticket {
  std::uint64_t number = 0;
  RangeReceiver* receiver = nullptr;
  std::uint64_t tag = 0;
};

/// Gets the answer to an advance, from the engine's owner.
class AdvanceReceiver {
 public:
  /// Called once: with the counter as it is now, or with the reason why it was not advanced.
  virtual void on_advance(Result<contract::CounterState> counter) noexcept = 0;

 protected:
  ~AdvanceReceiver() = default;
};

/// One request to raise the counter. Its number is of the same sequence as that of a Ticket.
struct AdvanceTicket {
  std::uint64_t number = 0;
  AdvanceReceiver* receiver = nullptr;
};

struct Grant {
  Ticket ticket;
  IdRange range;
};

struct Refusal {
  Ticket ticket;
  Error error;
};

struct AdvanceAnswer {
  AdvanceTicket ticket;
  Result<contract::CounterState> counter;
};

/// One attempt at an op, to be sent to the store once. Its outcome comes back with its number.
struct Attempt {
  std::uint64_t number = 0;
  contract::Op op;
  /// Some request waits for this op, or for one after it, or soon will.
  bool is_waited_for = false;
};

/// What the engine wants done. The owner takes it after each call.
struct Effects {
  std::vector<Grant> grants;
  std::vector<Refusal> refusals;
  std::vector<AdvanceAnswer> advances;
  std::optional<Attempt> attempt;
  std::vector<std::string> warnings;
  /// Set once, when the engine has stopped for good: the same sentence as Engine::stopped().
  std::string stopped;

  bool empty() const noexcept {
    return grants.empty() && refusals.empty() && advances.empty() && !attempt && warnings.empty() &&
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
