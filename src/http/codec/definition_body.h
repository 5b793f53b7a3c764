// The bodies of the calls that change a counter: JSON objects, read strictly.
#pragma once

#include <cstdint>

#include "nextid/counter.h"

#include "http/codec/problem.h"
#include "http/codec/request.h"

namespace nextid::http {

/// {"start":1,"increment":1,"max":100,"cache":1,"comment":"...","revision":1}, all optional: a
/// request without a body is right, too. Numbers may be text: JavaScript's are exact only to 2^53.
Refusal parse_definition(const Request& request, DefinitionChange& change);

/// {"to":100}
Refusal parse_advance(const Request& request, std::uint64_t& to);

}  // namespace nextid::http
