// What must be true of both stores after a copy, looked at page by page.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "nextid/error.h"

#include "contract/store_driver.h"
#include "copy/copier.h"

namespace nextid::copy {

struct Verified {
  std::uint64_t counters = 0;     ///< Of the source, with the deleted ones.
  std::uint64_t in_use = 0;       ///< Of them, not deleted there: somebody made them, or brought
                                  ///< them back.
  std::uint64_t differences = 0;  ///< Of them, not as they should be in the target.
};

using Names = std::set<std::string, std::less<>>;

/// Each counter of the source must be deleted there, and be in the target, at its value or above,
/// and in use, unless it is one of `deleted`: what the copy left deleted. `on_wrong` gets a
/// sentence for each that is not so.
Result<Verified> verify(contract::StoreDriver& source, contract::StoreDriver& target,
                        const CopySettings& settings, const Names& deleted,
                        const std::function<void(const std::string&)>& on_wrong);

}  // namespace nextid::copy
