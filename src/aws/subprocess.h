// Runs a program and reads what it prints.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "nextid/error.h"

namespace nextid::aws {

/// The words of a command line, as a shell would split them: blanks between words, '...' and "..."
/// around blanks, a backslash before one character. Nothing is expanded. kInvalid is a clause, when
/// a quote or a backslash has no end, or there is no word.
Result<std::vector<std::string>> split_command_line(std::string_view line);

/// Standard output of `words`, run without a shell, found along PATH, with nothing on standard
/// input and this process's standard error; no other descriptor is passed on. Blocks up to
/// `time_limit`, then kills it and what it started in its process group; leaves no zombie.
/// kUnavailable is a clause, without output or arguments: it does not start, ends with another
/// status than 0, runs too long or prints more than `limit_bytes`. Thread-safe.
Result<std::string> run_process(const std::vector<std::string>& words,
                                std::chrono::milliseconds time_limit, std::size_t limit_bytes);

}  // namespace nextid::aws
