#include "history/history.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <unistd.h>

namespace nextid::history {
namespace {

constexpr std::size_t kFlushBytes = 16 * 1024;
/// So that who looks at the file sees that there are answers.
constexpr std::uint64_t kFlushNs = 1'000'000'000;

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> words;
  for (;;) {
    const std::size_t space = line.find(' ');
    words.push_back(line.substr(0, space));
    if (space == std::string_view::npos) return words;
    line.remove_prefix(space + 1);
  }
}

template <typename Integer>
bool parse_whole(std::string_view text, Integer& value) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc{} && stop == end;
}

bool parse_number(std::string_view text, std::uint64_t& value) { return parse_whole(text, value); }

// Ids may be as wrong as a faulty server can make them: the checker judges negative ones too.
bool parse_id(std::string_view text, std::uint64_t& value) {
  if (!text.starts_with('-')) return parse_number(text, value);
  std::int64_t negative = 0;
  if (!parse_whole(text, negative)) return false;
  value = static_cast<std::uint64_t>(negative);
  return true;
}

bool parse_mark(std::string_view mark, Record& record) {
  constexpr std::string_view kNode = "node=";
  constexpr std::string_view kKey = "key=";
  if (mark == "cursor") {
    record.cursor = true;
  } else if (mark.starts_with(kNode) && mark.size() > kNode.size()) {
    record.node = mark.substr(kNode.size());
  } else if (mark.starts_with(kKey) && mark.size() > kKey.size()) {
    record.key = mark.substr(kKey.size());
  } else {
    return false;
  }
  return true;
}

using Words = std::vector<std::string_view>;

bool parse_marks(const Words& words, std::size_t from, Record& record) {
  return std::all_of(words.begin() + static_cast<std::ptrdiff_t>(from), words.end(),
                     [&](std::string_view mark) { return parse_mark(mark, record); });
}

bool parse_ids(const Words& words, Record& record) {
  return words.size() >= 10 && parse_number(words[5], record.asked) &&
         parse_id(words[6], record.start) && parse_id(words[7], record.end) &&
         parse_number(words[8], record.count) && parse_number(words[9], record.increment) &&
         parse_marks(words, 10, record);
}

bool parse_reason(const Words& words, Record& record) {
  if (words.size() != 7 || words[6].empty()) return false;
  record.no_ids_reason = words[6];
  return parse_number(words[5], record.asked);
}

bool parse_advanced(const Words& words, Record& record) {
  record.advanced = true;
  record.asked = 0;
  return parse_number(words[5], record.end) && parse_marks(words, 6, record);
}

std::optional<Record> parse_record(std::string_view line) {
  const Words words = split(line);
  Record record;
  if (words.size() < 6) return std::nullopt;
  record.client = words[1];
  record.counter = words[2];
  if (record.client.empty() || record.counter.empty() || !parse_number(words[3], record.sent_ns) ||
      !parse_number(words[4], record.received_ns) || record.received_ns < record.sent_ns) {
    return std::nullopt;
  }
  const bool parsed = words[0] == "ok"         ? parse_ids(words, record)
                      : words[0] == "none"     ? parse_reason(words, record)
                      : words[0] == "advanced" ? parse_advanced(words, record)
                                               : false;
  return parsed ? std::optional(std::move(record)) : std::nullopt;
}

std::runtime_error file_error(const std::string& path, const char* what, int error) {
  return std::runtime_error(path + ": " + what + ": " + std::strerror(error));
}

}  // namespace

std::uint64_t now_ns() noexcept {
  // libstdc++'s steady_clock is CLOCK_MONOTONIC.
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

std::string to_line(const Record& record) {
  std::ostringstream line;
  line << (record.advanced     ? "advanced "
           : record.answered() ? "ok "
                               : "none ")
       << record.client << ' ' << record.counter << ' ' << record.sent_ns << ' '
       << record.received_ns << ' ';
  if (record.advanced) {
    line << record.end;
  } else if (record.answered()) {
    line << record.asked << ' ' << record.start << ' ' << record.end << ' ' << record.count << ' '
         << record.increment;
  } else {
    line << record.asked << ' ' << record.no_ids_reason << '\n';
    return line.str();
  }
  if (!record.node.empty()) line << " node=" << record.node;
  if (!record.key.empty()) line << " key=" << record.key;
  if (record.cursor) line << " cursor";
  line << '\n';
  return line.str();
}

void read_history(const std::string& path, History& history) {
  errno = 0;
  std::ifstream in(path);
  if (!in) throw file_error(path, "can't be read", errno);
  const auto file = static_cast<std::uint32_t>(history.files.size());
  history.files.push_back(path);

  std::string line;
  std::uint32_t number = 0;
  while (std::getline(in, line)) {
    if (in.eof()) break;  // No newline: torn.
    ++number;
    std::optional<Record> record = parse_record(line);
    if (!record) {
      throw std::runtime_error(path + ":" + std::to_string(number) + ": malformed: " + line);
    }
    record->file = file;
    record->line = number;
    history.records.push_back(std::move(*record));
  }
  if (in.bad()) throw file_error(path, "can't be read", errno);
}

HistoryWriter::HistoryWriter(const std::string& path)
    : path_(path), fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
  if (fd_ < 0) throw file_error(path, "can't be opened", errno);
}

HistoryWriter::~HistoryWriter() { ::close(fd_); }

void HistoryWriter::append(const Record& record) {
  buffer_ += to_line(record);
  if (buffer_.size() < kFlushBytes && record.received_ns < flushed_ns_ + kFlushNs) return;
  flush();
  flushed_ns_ = record.received_ns;
}

void HistoryWriter::flush() {
  const ssize_t written = ::write(fd_, buffer_.data(), buffer_.size());
  if (written < 0) throw file_error(path_, "can't be written", errno);
  // Writing the rest later could put another writer's lines inside one of ours.
  if (static_cast<std::size_t>(written) != buffer_.size()) {
    throw std::runtime_error(path_ + ": a write was cut short");
  }
  buffer_.clear();
}

}  // namespace nextid::history
