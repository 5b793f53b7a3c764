// What clients of nextid observed: a record for each request, kept as lines of text, so that the
// invariants can be checked afterwards over all clients together.
//
//   ok CLIENT COUNTER SENT_NS RECEIVED_NS ASKED START END COUNT INCREMENT [MARK ...]
//   none CLIENT COUNTER SENT_NS RECEIVED_NS ASKED REASON
//   advanced CLIENT COUNTER SENT_NS RECEIVED_NS TO [MARK ...]
//
// MARK is node=NAME, the process that answered; key=KEY, the request's idempotency key; or cursor,
// for ids that a cursor handed out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nextid::history {

/// One request. Times are CLOCK_MONOTONIC, comparable between the processes of one machine.
struct Record {
  std::string client;             ///< Who asked: no spaces.
  std::string counter;            ///< No spaces.
  std::uint64_t sent_ns = 0;      ///< Not later than the first byte of the request.
  std::uint64_t received_ns = 0;  ///< Not earlier than the last byte of the answer.
  std::uint64_t asked = 1;        ///< Ids asked for.

  /// Empty when ids were answered; else why there were none: "no-answer", "http-503". No spaces.
  std::string no_ids_reason;

  // The answer, as it was received. A negative id becomes one over 2^63 - 1.
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t count = 0;
  std::uint64_t increment = 1;  ///< 1 where the answer does not say, as for single ids.

  /// The counter was advanced to `end`, and no ids were asked for.
  bool advanced = false;
  std::string node;     ///< The process that answered; empty where it is not known.
  std::string key;      ///< All answers with one key are the same ids (I1); no spaces.
  bool cursor = false;  ///< From a cursor: exempt from I3, as the answers with a key are.

  // Where the record was read.
  std::uint32_t file = 0;  ///< Index into History::files.
  std::uint32_t line = 0;

  bool answered() const noexcept { return no_ids_reason.empty(); }
};

struct History {
  std::vector<std::string> files;
  std::vector<Record> records;
};

/// Nanoseconds of CLOCK_MONOTONIC.
std::uint64_t now_ns() noexcept;

std::string to_line(const Record& record);  ///< Ends in a newline.

/// Appends the records of the file at `path`. A last line without its newline is left out: its
/// writer was killed. Throws std::runtime_error that names the file, and the line if it is
/// malformed.
void read_history(const std::string& path, History& history);

/// Appends records to a file. Several writers may share one: each write is of whole lines.
/// Not thread-safe; give each thread its own. Throws std::runtime_error when the file can't be
/// written.
class HistoryWriter {
 public:
  explicit HistoryWriter(const std::string& path);
  ~HistoryWriter();
  HistoryWriter(const HistoryWriter&) = delete;
  HistoryWriter& operator=(const HistoryWriter&) = delete;

  void append(const Record& record);
  /// Call it at the end: what was not flushed is lost.
  void flush();

 private:
  std::string path_;
  int fd_;
  std::string buffer_;
  std::uint64_t flushed_ns_ = 0;
};

}  // namespace nextid::history
