// Whether the sender of an HTTP request may do what it asks for: bearer tokens (RFC 6750).
#pragma once

#include "auth/access.h"
#include "http/codec/problem.h"
#include "http/codec/request.h"
#include "http/codec/routes.h"

namespace nextid::http {

/// Signs the request's sender in, by its `Authorization: Bearer TOKEN`, and refuses what the token
/// does not allow: `unauthorized` (401) without a token of this server, `forbidden` (403) without
/// the right or the counter. Where no tokens are needed, and for calls that everyone may make, the
/// field is ignored. No message quotes it.
Refusal check_access(const Request& request, const Routed& routed, auth::Session& session);

/// Whether the sender may see this server's state (service::kInspects). Signs it in, as above.
bool may_inspect(const Request& request, auth::Session& session);

}  // namespace nextid::http
