// Answers of more than one piece.
#pragma once

#include <cstdint>
#include <string>

#include "nextid/counter.h"
#include "nextid/error.h"

#include "resp/codec/commands.h"
#include "resp/codec/reply.h"

namespace nextid::resp {

// To the commands that are calls of the service, by what it answered.
std::string answer_to(const Lookup& lookup, const Result<service::FindCounters::Answer>& found,
                      Version version);
std::string answer_to(const Make& make, const Result<DefinedCounter>& defined, Version version);
/// The value at which it stopped; 0 before its first id.
std::string answer_to(const Delete& command, const Result<CounterInfo>& counter, Version version);
std::string answer_to(const CountCounters& command, const Result<std::uint64_t>& count,
                      Version version);

/// To SCAN: the names of the page that it asks for, behind the cursor for the rest.
std::string scan_answer(const Scan& scan, const CounterPage& page, std::uint64_t cursor);
std::string error_answer(const Error& error);
/// Of HELLO.
std::string greeting(const Session& session);

}  // namespace nextid::resp
