// An op that no engine sends: repeated until its outcome is known, or its deadline has passed.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nextid/error.h"

#include "base/clock.h"
#include "contract/store_driver.h"
#include "engine/backoff.h"
#include "node/runtime.h"

namespace nextid::node {

/// For ops that are harmless when repeated: those without a seq. Keeps itself alive until `done`
/// was called, once, from any thread and under no lock. The runtime waits for it.
class StoreCall : public std::enable_shared_from_this<StoreCall> {
 public:
  using Done = std::function<void(Result<contract::Outcome>)>;
  /// Also told whether an attempt before the last one may have been applied.
  using DoneWithDoubt = std::function<void(Result<contract::Outcome>, bool was_in_doubt)>;

  /// Appends the first attempt to `calls`, for the caller to submit. `done` gets an outcome that is
  /// neither NotApplied nor InDoubt; or kUnavailable, soon after `deadline` or when the store is
  /// closed: then the op may have been applied.
  static void start(Runtime& runtime, contract::Op op, base::MonotonicTime deadline,
                    std::vector<contract::Call>& calls, Done done);
  /// The same, and submits it.
  static void run(Runtime& runtime, contract::Op op, base::MonotonicTime deadline, Done done);
  static void run_with_doubt(Runtime& runtime, contract::Op op, base::MonotonicTime deadline,
                             DoneWithDoubt done);

 private:
  StoreCall(Runtime& runtime, contract::Op op, base::MonotonicTime deadline, DoneWithDoubt done);
  contract::Call next_attempt();
  void on_outcome(contract::Outcome outcome);
  void repeat_later(const std::string& why, engine::Backoff::Cause cause);
  void finish(Result<contract::Outcome> result);

  Runtime& runtime_;
  Runtime::Hold hold_;
  const contract::Op op_;
  const base::MonotonicTime deadline_;
  DoneWithDoubt done_;
  // One attempt at a time: what follows needs no lock.
  engine::Backoff backoff_;
  unsigned failures_ = 0;
  bool was_in_doubt_ = false;
};

}  // namespace nextid::node
