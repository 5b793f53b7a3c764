// The environment variables of this process, as a seam: tests bring their own.
#pragma once

#include <cstdlib>
#include <functional>
#include <optional>
#include <string>

namespace nextid::base {

/// The value of a variable; none when it is unset or empty, which mean the same here.
using Environment = std::function<std::optional<std::string>(const char* name)>;

inline std::optional<std::string> process_environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

}  // namespace nextid::base
