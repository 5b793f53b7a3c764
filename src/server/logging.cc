#include "server/logging.h"

#include <algorithm>
#include <unistd.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/utf8.h"
#include "server/line_writer.h"
#include "server/repeat_limit.h"

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

// Formats lines, and hands them to the thread that writes them.
class LineSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit LineSink(LineWriter& writer) : writer_(writer) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    writer_.write({line.data(), line.size()});
  }
  void flush_() override {}

  LineWriter& writer_;
};

}  // namespace

struct Logger::Sink {
  Sink(LogLevel least, LogFormat as)
      : format(as), logger("nextid", std::make_shared<LineSink>(writer)) {
    logger.set_level(level_of(least));
    logger.set_pattern(format == LogFormat::kText
                           ? "%Y-%m-%dT%H:%M:%S.%e%z %l %v"
                           : R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v)");
  }

  void write(LogLevel level, const std::string& message, const LogFields& fields)
      NEXTID_REQUIRES(mutex) {
    const std::string text = one_line(message);
    logger.log(level_of(level), "{}",
               format == LogFormat::kText ? text : json_members(text, fields));
  }

  const LogFormat format;
  LineWriter writer{STDERR_FILENO};
  base::Mutex mutex;
  spdlog::logger logger NEXTID_GUARDED_BY(mutex);
  RepeatLimit repeats NEXTID_GUARDED_BY(mutex);
};

Logger::Logger(LogLevel least, LogFormat format) : sink_(std::make_shared<Sink>(least, format)) {}

std::uint64_t Logger::dropped() const { return sink_->writer.dropped(); }

void Logger::log(LogLevel level, const std::string& message, const LogFields& fields) const {
  const base::Lock lock(sink_->mutex);
  if (!sink_->logger.should_log(level_of(level))) return;
  std::string text = message;
  if (level != LogLevel::kInfo) {
    const auto left_out = sink_->repeats.pass(message, base::monotonic_now());
    if (!left_out) return;
    if (*left_out > 0) text += " Left out before it: " + std::to_string(*left_out) + " like it.";
  }
  if (const std::uint64_t untold = sink_->writer.take_untold(); untold > 0) {
    sink_->write(LogLevel::kWarning,
                 std::to_string(untold) +
                     " log lines were dropped, since standard error was not read in time.",
                 {});
  }
  sink_->write(level, text, fields);
}

}  // namespace nextid::server
