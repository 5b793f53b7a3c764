#include "server/logging.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace nextid::server {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

}  // namespace

Logger::Logger(LogLevel least)
    : logger_(std::make_shared<spdlog::logger>("nextid",
                                               std::make_shared<spdlog::sinks::stderr_sink_mt>())) {
  logger_->set_level(level_of(least));
  logger_->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
}

void Logger::operator()(LogLevel level, const std::string& line) const {
  logger_->log(level_of(level), "{}", line);
}

}  // namespace nextid::server
