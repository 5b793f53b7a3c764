// What a backup says about itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nextid/counter.h"

namespace nextid::store {

/// What a file holds that was a store, or can be one.
struct BackupContents {
  std::string identity;               ///< Of the store.
  std::int64_t used_s = 0;            ///< When it was last in use, in seconds since 1970.
  std::vector<CounterInfo> counters;  ///< All, also deleted ones, by name.
};

}  // namespace nextid::store
