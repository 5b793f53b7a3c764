// Bytes that others sent, made fit for a sentence.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace nextid::base {

/// `bytes` as printable ASCII, safe in logs and JSON: other bytes become \xNN, and what exceeds
/// `max_bytes` of them becomes "...".
std::string printable(std::string_view bytes, std::size_t max_bytes = 40);

/// printable() in quotes, of which the bytes can't be the end: one of theirs is \x27.
std::string in_quotes(std::string_view bytes, std::size_t max_bytes = 40);

}  // namespace nextid::base
