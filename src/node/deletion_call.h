// Store::delete_counter(): deletes a counter.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "nextid/counter.h"
#include "nextid/error.h"
#include "nextid/store.h"

#include "base/clock.h"
#include "contract/counter_state.h"
#include "node/runtime.h"

namespace nextid::node {

/// Why a counter can't be shown or deleted that there is not.
Error no_such_counter(const std::string& name);
/// Why a counter can't be shown that was deleted.
Error was_deleted(const CounterInfo& counter);

/// Reads the counter, asks the condition, then deletes it on the condition that no other writer
/// changed it in between; starts again if one did. Keeps itself alive until the receiver was
/// called.
class DeletionCall : public std::enable_shared_from_this<DeletionCall> {
 public:
  static void start(Runtime& runtime, std::string name, Store::DefinitionCondition condition,
                    base::MonotonicTime deadline, Store::CounterReceiver receiver);

 private:
  DeletionCall(Runtime& runtime, std::string name, Store::DefinitionCondition condition,
               base::MonotonicTime deadline, Store::CounterReceiver receiver)
      : runtime_(runtime),
        name_(std::move(name)),
        condition_(std::move(condition)),
        deadline_(deadline),
        receiver_(std::move(receiver)) {}

  void load();
  void on_loaded(const Result<contract::Outcome>& outcome);
  void go_on(const contract::CounterState& state);
  void remove(Definition wanted);
  void on_refused(const contract::CounterState& state, const Definition& wanted, bool was_in_doubt);
  void finish(const contract::CounterState& state);
  void fail(ErrorCode code, const std::string& sentence);
  void fail_unclear(const contract::Outcome& outcome);

  Runtime& runtime_;
  const std::string name_;
  const Store::DefinitionCondition condition_;  // Null: none.
  const base::MonotonicTime deadline_;
  const Store::CounterReceiver receiver_;
};

}  // namespace nextid::node
