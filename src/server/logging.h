// Where log lines go: standard error, through spdlog. No line a request is ever logged.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "nextid/store.h"

namespace spdlog {
class logger;
}

namespace nextid::server {

/// Copies share the sink. Thread-safe.
class Logger {
 public:
  explicit Logger(LogLevel least);

  void operator()(LogLevel level, const std::string& line) const;
  void info(const std::string& line) const { (*this)(LogLevel::kInfo, line); }
  void warning(const std::string& line) const { (*this)(LogLevel::kWarning, line); }

 private:
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace nextid::server
