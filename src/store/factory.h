// Stores by URL. A new store is one row of the table in factory.cc.
#pragma once

#include <memory>
#include <string_view>

#include "nextid/error.h"

#include "contract/store_driver.h"

namespace nextid::store {

/// Opens "memory:" or "sqlite:PATH". kInvalid names an unknown scheme and the known ones;
/// kUnavailable or kCorrupt say what is wrong with the store itself.
Result<std::shared_ptr<contract::StoreDriver>> open_driver(std::string_view url);

}  // namespace nextid::store
