// What a start says about its store: a new store in the place of an old one gives old ids again.
#pragma once

#include <string>

#include "nextid/store.h"

namespace nextid::server {

/// "opened store sqlite:/srv/ids.db: 3 counters, identity 1a2b", or "made a new store
/// sqlite:/srv/ids.db, identity 1a2b: ids begin at 1". Asks the store for its counters where that
/// is cheap, a thousand at most. Blocks for StoreOptions::request_timeout at worst.
std::string opening_line(const Store& store);

}  // namespace nextid::server
