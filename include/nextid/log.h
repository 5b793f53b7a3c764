// The rare lines that are worth keeping, and who receives them.
#pragma once

#include <functional>
#include <string>

namespace nextid {

enum class LogLevel { kInfo, kWarning, kError };

/// Called from any thread; must not block. If it is empty, lines are dropped.
using Log = std::function<void(LogLevel, const std::string&)>;

}  // namespace nextid
