// Maps HTTP replies to the statistics that they count under.
#pragma once

#include "protocol/http_reply.h"
#include "stats/front_end_stats.h"

namespace nextid::net {

inline stats::Ending ending_of(const protocol::Reply& reply) noexcept {
  return reply.code.empty() ? stats::Ending::kOk : stats::ending_of(reply.code);
}

}  // namespace nextid::net
