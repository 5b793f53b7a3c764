// Answers of more than one piece.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nextid/counter.h"
#include "nextid/error.h"

#include "resp/codec/commands.h"
#include "resp/codec/reply.h"

namespace nextid::resp {

/// Of GET, MGET, EXISTS and TYPE. `found` has a counter, or kNotFound, for each name.
std::string lookup_answer(Lookup::Kind kind, const std::vector<Result<CounterInfo>>& found,
                          Version version);
/// Of SCAN: the names of the page that it asks for, behind the cursor for the rest.
std::string scan_answer(const Scan& scan, const CounterPage& page, std::uint64_t cursor);
/// Of DBSIZE.
std::string count_answer(const Result<std::uint64_t>& count);
/// Of HELLO.
std::string greeting(const Session& session);

}  // namespace nextid::resp
