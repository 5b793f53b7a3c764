// The configuration file: TOML (toml.io), of which options need keys and plain values.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "nextid/error.h"

namespace nextid::server {

struct ConfigEntry {
  std::string name;
  std::string value;      ///< Of an array of texts: these, with commas between them.
  bool is_array = false;  ///< Only for options whose value is a list.
  std::size_t line = 0;   ///< From 1.
};

/// Reads the file, at most kMaxConfigBytes of it; its entries are in the order of their lines.
/// kInvalid names the file, and the line where there is one. Tables, times, numbers that are not
/// whole and arrays of anything but texts are refused: no option needs them.
Result<std::vector<ConfigEntry>> read_config_file(const std::string& path);
inline constexpr std::size_t kMaxConfigBytes = 1024 * 1024;

}  // namespace nextid::server
