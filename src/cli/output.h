// Standard output, written so that a failure is noticed.
#pragma once

#include <string_view>

namespace nextid::cli {

/// Writes and flushes; false, with errno set, when not all of it could be written.
bool write_output(std::string_view text) noexcept;

/// Call before anything opens a file: gives the descriptors 0, 1 and 2 a place where the caller
/// closed them, or a database could be opened as "standard output".
void reserve_standard_descriptors() noexcept;

}  // namespace nextid::cli
