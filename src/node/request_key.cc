#include "node/request_key.h"

namespace nextid::node {

RequestId RequestKey::add_to(Batch& batch, const IdGenerator& generator, std::uint64_t count,
                             IdGenerator::Clock::time_point deadline, RangeReceiver& receiver,
                             std::uint64_t tag) const {
  return batch.add_with(this, generator, count, deadline, receiver, tag);
}

}  // namespace nextid::node
