// Counters of a store, read and written as a table.
#pragma once

#include <string>
#include <vector>

#include "nextid/counter.h"
#include "nextid/error.h"
#include "nextid/store.h"

namespace nextid::cli {

/// All that are in use, by name; or all that were deleted; and what was left out, which may come
/// more than once.
Result<CounterPage> all_counters(const Store& store, bool deleted = false);

/// Columns as wide as their widest cell: names to the left, numbers to the right, comments last.
std::string counter_table(const std::vector<CounterInfo>& counters);

}  // namespace nextid::cli
