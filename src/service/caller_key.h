// An idempotency key that a caller has sent, as one of the caller's own.
#pragma once

#include <string>

#include "auth/access.h"
#include "node/request_key.h"

namespace nextid::service {

/// In the caller's scope and on the account of the caller's token. Of nobody's where the server
/// needs no tokens.
node::RequestKey key_of(const auth::Session& caller, std::string text);

}  // namespace nextid::service
