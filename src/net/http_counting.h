// As what HTTP's requests and answers are counted.
#pragma once

#include <string_view>

#include "protocol/http_reply.h"
#include "protocol/http_routes.h"
#include "stats/front_end_stats.h"

namespace nextid::net {

/// A refused request counts as the call that it was to be.
stats::Route counted_as(const protocol::Route& route, std::string_view method) noexcept;

inline stats::Ending ending_of(const protocol::Reply& reply) noexcept {
  return reply.code.empty() ? stats::Ending::kOk : stats::ending_of(reply.code);
}

}  // namespace nextid::net
