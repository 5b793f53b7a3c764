// Small files that others write: settings, tokens, keys.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "nextid/error.h"

namespace nextid::base {

/// All bytes of a regular file, or of /dev/null, which is an empty one; nothing where no file has
/// that name. kInvalid is a clause, such as "it is no regular file" or "Permission denied": a pipe
/// in the place of a file is refused and not waited for, and so is what exceeds `limit_bytes`.
/// Blocks on the disk only. Takes one descriptor while it reads.
Result<std::optional<std::string>> read_file(const std::string& path, std::size_t limit_bytes);

}  // namespace nextid::base
