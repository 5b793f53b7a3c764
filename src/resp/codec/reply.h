// Writes RESP2 and RESP3 answers, appended to a caller's string. Pure formatting.
// https://redis.io/docs/reference/protocol-spec/
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "nextid/error.h"

namespace nextid::resp {

/// As HELLO chose it.
enum class Version { kResp2 = 2, kResp3 = 3 };

void append_simple(std::string& out, std::string_view text);  ///< +OK; `text` has no line end.
void append_integer(std::string& out, std::int64_t number);
void append_bulk(std::string& out, std::string_view bytes);
void append_null(std::string& out, Version version);
void append_array_head(std::string& out, std::size_t elements);
/// A map of so many pairs; an array of both halves in RESP2.
void append_map_head(std::string& out, std::size_t pairs, Version version);
/// Text for people: a verbatim string in RESP3, so that clients do not split or quote it.
void append_text(std::string& out, std::string_view text, Version version);
/// -CODE sentence; bytes of the sentence that are not printable ASCII are escaped.
void append_error(std::string& out, std::string_view code, std::string_view sentence);
/// A failed call of the library. -BUSY where this node is at a bound, -EXHAUSTED, -UNAVAILABLE ...
void append_error(std::string& out, const Error& error);

}  // namespace nextid::resp
