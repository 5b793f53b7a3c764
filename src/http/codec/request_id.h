// The X-Request-Id header field: a caller's name for one request, by which it is found again in
// answers and logs.
#pragma once

#include <cstddef>
#include <string>

#include "http/codec/problem.h"
#include "http/codec/request.h"

namespace nextid::http {

inline constexpr std::size_t kMaxRequestIdBytes = 128;

/// Puts the field's id into `id`; leaves it empty where there is no field. Refuses what is not 1 to
/// kMaxRequestIdBytes of printable ASCII: an id that was replaced in silence would not be found
/// again. Of several fields the first one counts: proxies add theirs behind the client's.
Refusal parse_request_id(const Field& field, std::string& id);

}  // namespace nextid::http
