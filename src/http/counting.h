// Maps HTTP replies to the statistics that they count under.
#pragma once

#include "http/codec/reply.h"
#include "stats/front_end_stats.h"

namespace nextid::http {

inline stats::Ending ending_of(const Reply& reply) noexcept {
  return reply.code.empty() ? stats::Ending::kOk : stats::ending_of(reply.code);
}

}  // namespace nextid::http
