// Store::define(): makes a counter, or changes its definition.
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

/// Reads the counter, then writes on the condition that no other writer did in between; starts
/// again if one did. Keeps itself alive until the receiver was called.
class DefinitionCall : public std::enable_shared_from_this<DefinitionCall> {
 public:
  static void start(Runtime& runtime, const std::string& name, const DefinitionChange& change,
                    base::MonotonicTime deadline, Store::DefinedReceiver receiver);

 private:
  DefinitionCall(Runtime& runtime, std::string name, DefinitionChange change,
                 base::MonotonicTime deadline, Store::DefinedReceiver receiver)
      : runtime_(runtime),
        name_(std::move(name)),
        change_(std::move(change)),
        deadline_(deadline),
        receiver_(std::move(receiver)) {}

  void load();
  void on_loaded(const contract::Outcome& outcome);
  void create();
  void change(const contract::CounterState& state);
  void redefine(const Definition& wanted);
  template <typename Then>
  void call(contract::Op op, Then then);
  void finish(const contract::CounterState& state, bool created);
  void fail(ErrorCode code, const std::string& sentence);
  void fail_unclear(const contract::Outcome& outcome);

  Runtime& runtime_;
  const std::string name_;
  const DefinitionChange change_;
  const base::MonotonicTime deadline_;
  const Store::DefinedReceiver receiver_;
};

}  // namespace nextid::node
