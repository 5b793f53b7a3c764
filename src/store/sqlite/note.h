// What the lock file beside a database says, besides being locked: facts that the main file can't
// know. Losing it is safe: without it the main file alone decides.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "store/sqlite/place.h"
#include "store/sqlite/wal.h"

namespace nextid::store {

/// The side files that all processes with the database open share.
struct SideFiles {
  FileId log;
  FileId index;

  friend bool operator==(const SideFiles&, const SideFiles&) = default;
};

/// The seal that the last process to close the database left in it. If the main file has another
/// seal, the file was exchanged.
struct ClosedNote {
  std::string identity;
  std::int64_t mark = 0;
};

/// How far the log was when an outcome last left, in this boot of the machine: it must reach as far
/// at the next opening, or it was cut.
struct CommittedNote {
  LogSalts salts;
  std::uint64_t frames = 0;
};

/// Reads and writes the lock file; requires that its lock is held. A note that can't be written is
/// missing, which is safe.
class SqliteNote {
 public:
  /// Of FileLock::fd(), which must outlive it.
  explicit SqliteNote(int fd) : fd_(fd) {}

  /// Whether a store was here: in use, or closed.
  bool tells_of_a_store() const;
  std::optional<ClosedNote> closed() const;
  std::optional<SideFiles> side_files() const;
  /// Nothing if the note is of another boot: then it may say more than the disk has.
  std::optional<CommittedNote> committed() const;

  /// From now on it says nothing, even after a power loss. False when that can't be made sure.
  bool clear() const;
  void set_side_files(const SideFiles& files) const;
  /// At each commit: one small write, of a line that is made ready once a generation of the log.
  void set_committed(const CommittedNote& note);
  /// Durable when it returns.
  void set_closed(const ClosedNote& note) const;

 private:
  static constexpr std::size_t kLineBytes = 256;
  using Line = std::array<char, kLineBytes>;

  Line read_line(std::size_t at) const;
  void write_line(const Line& line, int size, std::size_t at) const;

  const int fd_;
  Line committed_line_{};
  int committed_size_ = 0;
  LogSalts committed_salts_;
};

}  // namespace nextid::store
