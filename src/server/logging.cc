#include "server/logging.h"

#include <algorithm>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "base/utf8.h"

namespace nextid::server {
namespace {

namespace json = boost::json;

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

json::string json_text(std::string_view text) { return json::string(text.data(), text.size()); }

// Messages may quote paths and answers of stores: whatever these hold, the result is one line of
// UTF-8.
std::string one_line(std::string text) {
  const bool utf8 = base::is_utf8(text);
  const auto is_bad = [utf8](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !utf8);
  };
  std::replace_if(text.begin(), text.end(), is_bad, '?');
  return text;
}

// The members of the object that follow its time and level.
std::string json_members(const std::string& message, const LogFields& fields) {
  json::object object{{"message", json_text(message)}};
  for (const LogField& field : fields) {
    json::value& value = object[json::string_view(field.name.data(), field.name.size())];
    if (const auto* number = std::get_if<std::uint64_t>(&field.value)) {
      value = *number;
    } else {
      value = json_text(std::get<std::string>(field.value));
    }
  }
  return json::serialize(object).substr(1);
}

}  // namespace

Logger::Logger(LogLevel least, LogFormat format)
    : format_(format),
      logger_(std::make_shared<spdlog::logger>("nextid",
                                               std::make_shared<spdlog::sinks::stderr_sink_mt>())) {
  logger_->set_level(level_of(least));
  logger_->set_pattern(format == LogFormat::kText
                           ? "%Y-%m-%dT%H:%M:%S.%e%z %l %v"
                           : R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v)");
}

void Logger::log(LogLevel level, const std::string& message, const LogFields& fields) const {
  if (!logger_->should_log(level_of(level))) return;
  const std::string text = one_line(message);
  logger_->log(level_of(level), "{}",
               format_ == LogFormat::kText ? text : json_members(text, fields));
}

}  // namespace nextid::server
