// The Idempotency-Key header field: a text that stands for one request and its ids.
#pragma once

#include <string>

#include "http/codec/problem.h"
#include "http/codec/request.h"

namespace nextid::http {

/// Puts the field's key into `key`; leaves it empty where there is no field. A key is plain text,
/// or the quoted string of RFC 8941 that the IETF draft of the field asks for: both forms of one
/// text are one key. Refuses what is no key (is_idempotency_key), and a field given more than once.
Refusal parse_idempotency_key(const Field& field, std::string& key);

}  // namespace nextid::http
