#include "report/observation.h"

namespace nextid::report {

std::string doubt_of(const StoreHealth& health, const NodeActivity& node) {
  if (!health.doubt.empty()) return health.doubt;
  if (node.stopped.empty()) return {};
  const std::string& first = node.stopped.front().stopped;
  if (node.stopped_counters <= 1) return first;
  return std::to_string(node.stopped_counters) + " counters have stopped. The first: " + first;
}

}  // namespace nextid::report
