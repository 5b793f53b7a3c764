// The token file as a file: read whole, and given one line more.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "nextid/error.h"

namespace nextid::auth {

inline constexpr std::size_t kMaxTokenFileBytes = 1024 * 1024;

/// Its text without a byte order mark, in whole lines. kInvalid: it can't be read, is longer than
/// that, or its last line lacks its end, as one that is being written does.
Result<std::string> read_token_file(const std::string& path);

/// Appends `line`, which is of the token `name`. The file is there as before or with the line as a
/// whole, on disk, whenever the machine stops; it keeps its owner and mode, and is made with mode
/// 0600 where it is missing. Of several processes that append at a time each one's line stays.
/// Errors, after which nothing has changed: kInvalid where the file has that name or is wrong,
/// kUnavailable where it can't be written.
Result<void> append_token(const std::string& path, std::string_view name, std::string_view line);

}  // namespace nextid::auth
