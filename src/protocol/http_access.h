// Whether the sender of an HTTP request may do what it asks for: bearer tokens (RFC 6750).
#pragma once

#include "auth/access.h"
#include "protocol/http_problem.h"
#include "protocol/http_request.h"
#include "protocol/http_routes.h"

namespace nextid::protocol {

/// Signs the request's sender in, by its `Authorization: Bearer TOKEN`, and refuses what the token
/// does not allow: `unauthorized` (401) without a token of this server, `forbidden` (403) without
/// the right or the counter. Where no tokens are needed, and for calls that everyone may do, the
/// field is not looked at. No sentence quotes it.
Refusal check_access(const HttpRequest& request, const Routed& routed, auth::Session& session);

}  // namespace nextid::protocol
