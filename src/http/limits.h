// Whether the sender of an HTTP request has reached a limit of its token.
#pragma once

#include "auth/usage.h"
#include "base/clock.h"
#include "http/codec/problem.h"
#include "http/codec/routes.h"

namespace nextid::http {

/// Counts the request, and the ids that it asks for, at the time `now`; refuses it as `limited`
/// (429) where that is too early. `user` is null where nobody has signed in.
Refusal check_rates(const Routed& routed, auth::Usage* user, base::MonotonicTime now);

Problem problem_of(const auth::LimitReached& reached);

}  // namespace nextid::http
