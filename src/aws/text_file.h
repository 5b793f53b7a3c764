// Small files that others write: settings and tokens.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "nextid/error.h"

namespace nextid::aws {

/// The whole file; none when there is no such file. kInvalid names the path and says why it can't
/// be read (base::read_file), or how others can write it (base::why_others_can_write).
Result<std::optional<std::string>> read_text_file(const std::string& path, std::size_t limit_bytes);

}  // namespace nextid::aws
