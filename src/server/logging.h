// Where log lines go: standard error, through spdlog. Requests are not logged one by one, except
// failures (http::Gate::note_failure()).
//
// As text:  2026-01-31T12:00:00.123+00:00 info listening on http://127.0.0.1:8000
// As JSON:  {"time":"2026-01-31T12:00:00.123+00:00","level":"info","message":"listening ...",...}
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "nextid/log.h"

namespace spdlog {
class logger;
}

namespace nextid::server {

enum class LogFormat { kText, kJson };

/// What a line says once more, for programs: a key of its JSON object. Text lines have it in their
/// message alone.
struct LogField {
  std::string_view name;
  std::variant<std::uint64_t, std::string> value;
};
using LogFields = std::vector<LogField>;

/// Copies share the sink. Thread-safe. Whatever a message has in it, it is one line.
class Logger {
 public:
  Logger(LogLevel least, LogFormat format);

  void operator()(LogLevel level, const std::string& message) const { log(level, message, {}); }
  void info(const std::string& message, const LogFields& fields = {}) const {
    log(LogLevel::kInfo, message, fields);
  }
  void warning(const std::string& message, const LogFields& fields = {}) const {
    log(LogLevel::kWarning, message, fields);
  }

 private:
  void log(LogLevel level, const std::string& message, const LogFields& fields) const;

  LogFormat format_;
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace nextid::server
