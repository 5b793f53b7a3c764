// The stores that the conformance suite runs against.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "conformance/store_harness.h"
#include "contract/store_driver.h"

namespace nextid::test {

struct StoreRow {
  std::string name;
  /// Opens the store whose files, if it has any, are in `directory`.
  std::function<std::shared_ptr<contract::StoreDriver>(const TempDir& directory,
                                                       const TurnedClock& clock)>
      open;
  /// True if a store that is opened again has the counters of the one before.
  bool is_durable = false;
  /// Removes what is not in `directory`; may be empty.
  std::function<void(const TempDir& directory)> drop = {};
  int model_steps = 10'000;  ///< Of the comparison with the model.
};

std::vector<StoreRow> store_rows();
std::vector<StoreRow> durable_store_rows();

inline void PrintTo(const StoreRow& row, std::ostream* out) { *out << row.name; }

}  // namespace nextid::test
