// The counters that a command line may be about, for completion.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/options.h"

namespace nextid::cli {

/// Those of the chosen store whose names begin with `start`, by name, the first kMostNames of them.
/// None where anything is wrong, and of a store that would have to be read as a whole. Never makes
/// a store. May block as long as opening a store does.
std::vector<std::string> counter_names(const server::ConfigSources& sources,
                                       std::string_view start);
inline constexpr std::size_t kMostNames = 1000;

}  // namespace nextid::cli
