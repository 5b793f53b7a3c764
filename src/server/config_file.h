// The configuration file: lines `name = value`, and comments (config_line.h).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "nextid/error.h"

#include "server/config_line.h"

namespace nextid::server {

struct ConfigEntry {
  NameAndValue says;
  std::size_t line = 0;  ///< From 1.
};

/// Reads the file, at most kMaxConfigBytes of it. kInvalid names the file, and the line where there
/// is one: one that is wrong, or has a name again.
Result<std::vector<ConfigEntry>> read_config_file(const std::string& path);
inline constexpr std::size_t kMaxConfigBytes = 1024 * 1024;

}  // namespace nextid::server
