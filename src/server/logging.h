// Where log lines go: standard error, through spdlog. Requests are not logged one by one, except
// failures (http::Gate::note_failure()).
//
// As text:  2026-01-31T12:00:00.123+00:00 info listening on http://127.0.0.1:8000
// As JSON:  {"time":"2026-01-31T12:00:00.123+00:00","level":"info","message":"listening ...",...}
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "nextid/log.h"

#include "base/field_log.h"

namespace nextid::server {

enum class LogFormat { kText, kJson };

using base::LogField;
using base::LogFields;

/// Copies share the sink. Thread-safe. Whatever a message has in it, it is one line. Never waits
/// for whoever reads the lines: those that find no room are dropped, and the log says how many. Of
/// warnings that are alike only some are written (RepeatLimit).
class Logger {
 public:
  Logger(LogLevel least, LogFormat format);

  void operator()(LogLevel level, const std::string& message) const { log(level, message, {}); }
  void operator()(LogLevel level, const std::string& message, const LogFields& fields) const {
    log(level, message, fields);
  }
  void info(const std::string& message, const LogFields& fields = {}) const {
    log(LogLevel::kInfo, message, fields);
  }
  /// Lines that were dropped since the start.
  std::uint64_t dropped() const;

  void warning(const std::string& message, const LogFields& fields = {}) const {
    log(LogLevel::kWarning, message, fields);
  }

 private:
  void log(LogLevel level, const std::string& message, const LogFields& fields) const;

  struct Sink;
  std::shared_ptr<Sink> sink_;
};

}  // namespace nextid::server
