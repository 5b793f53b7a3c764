// Whether the sender of a Redis command has reached a limit of its token.
#pragma once

#include <optional>

#include "nextid/error.h"
#include "nextid/id_range.h"

#include "auth/usage.h"
#include "base/clock.h"
#include "resp/codec/commands.h"

namespace nextid::resp {

/// Counts the command, and the ids that it asks for, at the time `now`, unless that is too early.
/// Commands that need no token do not count. `user` is null where nobody has signed in.
std::optional<auth::LimitReached> check_rates(const Routed& routed, auth::Usage* user,
                                              base::MonotonicTime now);

/// The answer to a command that is refused for that.
Result<IdRange> limited(const auth::LimitReached& reached);

}  // namespace nextid::resp
