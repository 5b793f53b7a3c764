// The write-ahead log beside a database, as its bytes show it before SQLite replays it
// (sqlite.org/fileformat2.html, "The Write-Ahead Log").
#pragma once

#include <cstdint>
#include <string>

namespace nextid::store {

/// Tell which generation of a log it is: each restart from its beginning has new salts.
struct LogSalts {
  std::uint32_t first = 0;
  std::uint32_t second = 0;

  friend bool operator==(const LogSalts&, const LogSalts&) = default;
};

struct LogFacts {
  /// The header is of a generation that just begins: behind it lie frames of the one before, or a
  /// transaction that did not end.
  bool just_begins = false;
  bool has_commits = false;  ///< Transactions that SQLite would replay.
  LogSalts salts;
  std::uint64_t frames = 0;  ///< To the end of the last transaction.
  bool has_page = false;     ///< Among the frames is the page that was asked for.
};

/// The facts of the log at `path`; the defaults when there is no such file. Believes the frames'
/// salts and lengths, and leaves their checksums to SQLite. `page` is looked for. Throws
/// SqliteFailure when the file can't be read.
LogFacts read_log(const std::string& path, std::uint32_t page_bytes, std::uint32_t page);

/// The salts of the log that `fd` is open on.
LogSalts read_salts(int fd);

}  // namespace nextid::store
