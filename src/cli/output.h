// Standard output, written so that a failure is noticed.
#pragma once

#include <string>
#include <string_view>

#include "cli/exit_code.h"

namespace nextid::cli {

/// Writes and flushes; false, with errno set, when not all of it could be written.
bool write_output(std::string_view text) noexcept;

/// Writes a command's result; when that fails, says so on standard error.
ExitCode print(std::string_view text);

/// Writes "nextid: SENTENCE", a line, to standard error. Whatever stores, endpoints and files have
/// in it, a terminal acts on none of that.
void tell(std::string_view sentence) noexcept;

/// `text` in UTF-8 without what a terminal would act on: control characters become "?".
std::string for_terminal(std::string_view text);

/// Call before anything opens a file: opens the descriptors 0, 1 and 2 if the caller closed them.
/// Else a database could become "standard output".
void reserve_standard_descriptors() noexcept;

}  // namespace nextid::cli
