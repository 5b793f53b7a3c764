// The configuration file: the part of TOML that options need, `name = value` lines and comments.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "nextid/error.h"

namespace nextid::server {

struct ConfigEntry {
  std::string name;
  std::string value;
  std::size_t line = 0;  ///< From 1.
};

/// Reads the file; kInvalid names the file, and the line where there is one. Sections and arrays
/// are refused: no option needs them.
Result<std::vector<ConfigEntry>> read_config_file(const std::string& path);

}  // namespace nextid::server
