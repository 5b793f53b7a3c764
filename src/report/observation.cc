#include "report/observation.h"

#include "base/cat.h"

namespace nextid::report {

using base::cat;

std::string doubt_of(const StoreHealth& health, const NodeActivity& node) {
  if (!health.doubt.empty()) return health.doubt;
  if (node.stopped.empty()) return {};
  const std::string& first = node.stopped.front().stopped;
  if (node.stopped_counters <= 1) return first;
  return cat(node.stopped_counters, " counters have stopped. The first: ", first);
}

}  // namespace nextid::report
