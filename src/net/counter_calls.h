// Calls of the store about several counters, of which it answers one, or one page, at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "nextid/store.h"

namespace nextid::net {

/// Each name's counter, in the same order; kNotFound for what is no counter name, too. `done` is
/// called once, from any thread, perhaps before this returns.
void find_counters(const Store& store, const std::vector<std::string>& names,
                   std::function<void(std::vector<Result<CounterInfo>>)> done);

/// How many counters the store has, page by page.
void count_counters(const Store& store, std::function<void(Result<std::uint64_t>)> done);

}  // namespace nextid::net
