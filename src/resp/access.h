// Whether the sender of a Redis command may do what it asks for.
#pragma once

#include <optional>
#include <string>

#include "auth/access.h"
#include "resp/codec/commands.h"

namespace nextid::resp {

/// The error that refuses the command; nothing where `caller` may have it: -NOAUTH without a token
/// of this server, -NOPERM without the right or one of the counters.
std::optional<std::string> check_access(const Routed& routed, auth::Session& caller);

}  // namespace nextid::resp
