// One batch of a copy: some counters, and what is submitted for all of them together.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "nextid/counter.h"
#include "nextid/error.h"

#include "contract/counter_state.h"
#include "contract/op.h"
#include "contract/store_driver.h"
#include "copy/copier.h"
#include "copy/decision.h"

namespace nextid::copy {

/// Used once. run() does the steps in their order; each is one or two rounds of ops.
class Batch {
 public:
  Batch(contract::StoreDriver& source, contract::StoreDriver& target, const CopySettings& settings,
        std::vector<CounterInfo> counters);

  Result<std::vector<Copied>> run();

 private:
  struct Item {
    CounterInfo source;
    Decision decision = {};
    contract::CounterState target = {};  ///< As it is now.
    bool was_used = false;

    /// What the target's value is to be, as far as it is known by now.
    std::int64_t aim() const;
    bool is_shut() const;
  };
  using Items = std::vector<Item*>;

  Result<void> make();
  Result<void> shut();
  Result<void> raise();
  Result<void> retire();
  Result<void> open();
  Result<void> mark();
  Result<void> remove();

  Items items_where(const std::function<bool(const Item&)>& holds);
  Result<std::vector<contract::Outcome>> run_for(contract::StoreDriver& store, const Items& items,
                                                 const std::function<contract::Op(Item&)>& op_for);
  Result<void> redefine(Items items, bool deletes,
                        const std::function<Definition(const Item&)>& definition_for);
  Result<Items> take_redefined(const Items& items, const std::vector<contract::Op>& ops,
                               const std::vector<contract::Outcome>& outcomes);
  Result<void> advance(const Items& items);
  Result<void> take_advanced(Item& item, contract::Seq seq, const contract::Outcome& outcome);
  Items take_retired(const Items& items, const std::vector<contract::Outcome>& outcomes);

  contract::StoreDriver& source_;
  contract::StoreDriver& target_;
  const CopySettings& settings_;
  std::vector<Item> items_;
};

}  // namespace nextid::copy
