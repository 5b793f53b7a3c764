// The bodies of the calls that change a counter: JSON objects, read strictly.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "nextid/counter.h"

#include "http/codec/problem.h"
#include "http/codec/request.h"

namespace nextid::http {

/// Whether the body is left out, `null` or `{}`, which generated clients send where they have none.
bool says_nothing(std::string_view body);

/// {"max":100,"comment":"..."}: fields of a definition (contract/definition_fields.h), all
/// optional: a request without a body is right, too. Numbers may be text: JavaScript's are exact
/// only to 2^53.
/// What GET says beside them is taken, too, so that its answer can be sent back: the name, which
/// must be `counter`, and the value, which changes nothing.
Refusal parse_definition(const Request& request, const std::string& counter,
                         DefinitionChange& change);

/// {"to":100}
Refusal parse_advance(const Request& request, std::uint64_t& to);

}  // namespace nextid::http
