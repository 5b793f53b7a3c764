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
#include "contract/payer.h"
#include "node/runtime.h"

namespace nextid::node {

/// Reads the counter, asks the condition, then writes on the condition that no other writer did in
/// between; starts again if one did. Keeps itself alive until the receiver was called.
class DefinitionCall : public std::enable_shared_from_this<DefinitionCall> {
 public:
  static void start(Runtime& runtime, const std::string& name, const DefinitionChange& change,
                    Store::DefinitionCondition condition, base::MonotonicTime deadline,
                    Store::DefinedReceiver receiver,
                    std::shared_ptr<contract::Payer> payer = nullptr);

 private:
  DefinitionCall(Runtime& runtime, std::string name, DefinitionChange change,
                 Store::DefinitionCondition condition, base::MonotonicTime deadline,
                 Store::DefinedReceiver receiver, std::shared_ptr<contract::Payer> payer)
      : runtime_(runtime),
        name_(std::move(name)),
        change_(std::move(change)),
        condition_(std::move(condition)),
        deadline_(deadline),
        receiver_(std::move(receiver)),
        payer_(std::move(payer)) {}

  void load();
  void on_loaded(const contract::Outcome& outcome);
  void create();
  void change(const contract::CounterState& state);
  void redefine(const Definition& wanted, bool brings_back);
  template <typename Then>
  void call(contract::Op op, Then then);
  bool is_conditional() const noexcept { return condition_ || change_.revision; }
  void change_again(const contract::CounterState& state);
  void change_if_clear(const contract::CounterState& state);
  bool may_follow(const Definition* now) const;
  void refuse(const Definition* now);
  void finish(const contract::CounterState& state, bool created);
  void fail(ErrorCode code, const std::string& sentence);
  void fail_unclear(const contract::Outcome& outcome);

  Runtime& runtime_;
  const std::string name_;
  const DefinitionChange change_;
  const Store::DefinitionCondition condition_;  // Null: none.
  const base::MonotonicTime deadline_;
  const Store::DefinedReceiver receiver_;
  const std::shared_ptr<contract::Payer> payer_;  // For a counter that is made; null: nobody.
  bool was_in_doubt_ = false;                     // The last op, before its outcome came.
};

}  // namespace nextid::node
