// Ops on a store, repeated until their outcomes are known.
#pragma once

#include <chrono>
#include <vector>

#include "nextid/counter.h"
#include "nextid/error.h"

#include "contract/store_driver.h"

namespace nextid::copy {

/// Submits the ops together, and those again that failed or are in doubt, until none is left: the
/// outcomes, in the order of the ops, are neither NotApplied nor InDoubt. kUnavailable, with what
/// the store said, when it took none of them for so long as `patience`; kCorrupt where it has
/// something that is no counter; the sentences go on behind the store's name. Blocks.
Result<std::vector<contract::Outcome>> run_all(contract::StoreDriver& store,
                                               const std::vector<contract::Op>& ops,
                                               std::chrono::milliseconds patience);

/// One page, asked for again as above. Blocks.
Result<CounterPage> read_page(contract::StoreDriver& store, const contract::PageWanted& wanted,
                              std::chrono::milliseconds patience);

}  // namespace nextid::copy
