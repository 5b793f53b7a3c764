// Stores by URL. A new store is one row of the table in factory.cc.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "nextid/error.h"
#include "nextid/store.h"

#include "contract/store_driver.h"

namespace nextid::store {

using Log = std::function<void(LogLevel, const std::string&)>;

/// Opens "memory:", "sqlite:PATH" or "dynamodb://TABLE?...". kInvalid names an unknown scheme and
/// the known ones; kUnavailable or kCorrupt say what is wrong with the store itself. `log` receives
/// the rare lines worth keeping, from any thread; it may be empty.
Result<std::shared_ptr<contract::StoreDriver>> open_driver(std::string_view url, Log log = {});

}  // namespace nextid::store
