// Log lines with members for programs.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "nextid/log.h"

namespace nextid::base {

/// What a line says once more, for programs: a key of its JSON object. Text lines have it in their
/// message alone.
struct LogField {
  std::string_view name;
  std::variant<std::uint64_t, std::string> value;
};
using LogFields = std::vector<LogField>;

/// As Log.
using FieldLog = std::function<void(LogLevel, const std::string&, const LogFields&)>;

}  // namespace nextid::base
