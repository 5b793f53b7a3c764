#include "store/sqlite_note.h"

#include <array>
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <unistd.h>

namespace nextid::store {
namespace {

// Two lines at fixed places, so that the second, which is written at each commit, is one small
// write.
constexpr std::size_t kLineBytes = 256;
constexpr off_t kStateAt = 0;
constexpr off_t kCommittedAt = kLineBytes;

using Line = std::array<char, kLineBytes>;

Line read_line(int fd, off_t at) {
  Line line{};
  const ssize_t size = ::pread(fd, line.data(), line.size() - 1, at);
  if (size <= 0) line[0] = '\0';
  return line;
}

void write_line(int fd, const Line& line, int size, off_t at) {
  if (size <= 0 || static_cast<std::size_t>(size) >= line.size()) return;
  if (::pwrite(fd, line.data(), static_cast<std::size_t>(size), at) != size) return;
}

/// The number of this boot (random(4)), 36 characters.
const std::string& this_boot() {
  static const std::string boot = [] {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string text;
    file >> text;
    return text.size() == 36 ? text : std::string("-");
  }();
  return boot;
}

}  // namespace

bool SqliteNote::tells_of_a_store() const { return read_line(fd_, kStateAt)[0] != '\0'; }

std::optional<ClosedNote> SqliteNote::closed() const {
  const Line line = read_line(fd_, kStateAt);
  std::array<char, 33> identity{};
  std::int64_t mark = 0;
  if (std::sscanf(line.data(), "closed %32s %" SCNd64, identity.data(), &mark) != 2) return {};
  return ClosedNote{identity.data(), mark};
}

std::optional<SideFiles> SqliteNote::side_files() const {
  const Line line = read_line(fd_, kStateAt);
  std::array<std::uint64_t, 4> numbers{};
  if (std::sscanf(line.data(), "open %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &numbers[0],
                  &numbers[1], &numbers[2], &numbers[3]) != 4) {
    return std::nullopt;
  }
  return SideFiles{{numbers[0], numbers[1]}, {numbers[2], numbers[3]}};
}

std::optional<CommittedNote> SqliteNote::committed() const {
  const Line line = read_line(fd_, kCommittedAt);
  std::array<char, 37> boot{};
  CommittedNote note;
  if (std::sscanf(line.data(), "committed %36s %8" SCNx32 " %8" SCNx32 " %" SCNu64, boot.data(),
                  &note.salts.first, &note.salts.second, &note.frames) != 4) {
    return std::nullopt;
  }
  if (this_boot() != boot.data() || this_boot() == "-") return std::nullopt;
  return note;
}

bool SqliteNote::clear() const {
  if (read_line(fd_, kStateAt)[0] == '\0' && read_line(fd_, kCommittedAt)[0] == '\0') return true;
  return ::ftruncate(fd_, 0) == 0 && ::fdatasync(fd_) == 0;
}

void SqliteNote::set_side_files(const SideFiles& files) const {
  Line line{};
  const int size = std::snprintf(
      line.data(), line.size(), "open %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
      static_cast<std::uint64_t>(files.log.device), static_cast<std::uint64_t>(files.log.inode),
      static_cast<std::uint64_t>(files.index.device),
      static_cast<std::uint64_t>(files.index.inode));
  write_line(fd_, line, size, kStateAt);
}

void SqliteNote::set_committed(const CommittedNote& note) const {
  Line line{};
  const int size = std::snprintf(
      line.data(), line.size(), "committed %s %08" PRIx32 " %08" PRIx32 " %020" PRIu64 "\n",
      this_boot().c_str(), note.salts.first, note.salts.second, note.frames);
  write_line(fd_, line, size, kCommittedAt);
}

void SqliteNote::set_closed(const ClosedNote& note) const {
  Line line{};
  const int size = std::snprintf(line.data(), line.size(), "closed %s %" PRId64 "\n",
                                 note.identity.c_str(), note.mark);
  if (::ftruncate(fd_, 0) != 0) return;
  write_line(fd_, line, size, kStateAt);
  ::fdatasync(fd_);
}

}  // namespace nextid::store
