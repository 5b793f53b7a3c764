#include "store/sqlite/note.h"

#include <array>
#include <cinttypes>
#include <cstdio>
#include <unistd.h>

#include "store/sqlite/boot.h"

namespace nextid::store {
namespace {

// Two lines at fixed places, so that the second, which is written at each commit, is one small
// write.
constexpr std::size_t kStateAt = 0;
constexpr std::size_t kCommittedAt = 256;
constexpr int kFramesDigits = 20;

}  // namespace

SqliteNote::Line SqliteNote::read_line(std::size_t at) const {
  Line line{};
  const ssize_t size = ::pread(fd_, line.data(), line.size() - 1, static_cast<off_t>(at));
  if (size <= 0) line[0] = '\0';
  return line;
}

void SqliteNote::write_line(const Line& line, int size, std::size_t at) const {
  if (size <= 0 || static_cast<std::size_t>(size) >= line.size()) return;
  const auto bytes = static_cast<std::size_t>(size);
  if (::pwrite(fd_, line.data(), bytes, static_cast<off_t>(at)) != size) return;
}

bool SqliteNote::tells_of_a_store() const { return read_line(kStateAt)[0] != '\0'; }

std::optional<ClosedNote> SqliteNote::closed() const {
  const Line line = read_line(kStateAt);
  std::array<char, 33> identity{};
  std::int64_t mark = 0;
  if (std::sscanf(line.data(), "closed %32s %" SCNd64, identity.data(), &mark) != 2) return {};
  return ClosedNote{identity.data(), mark};
}

std::optional<SideFiles> SqliteNote::side_files() const {
  const Line line = read_line(kStateAt);
  std::array<std::uint64_t, 4> numbers{};
  if (std::sscanf(line.data(), "open %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &numbers[0],
                  &numbers[1], &numbers[2], &numbers[3]) != 4) {
    return std::nullopt;
  }
  return SideFiles{{numbers[0], numbers[1]}, {numbers[2], numbers[3]}};
}

std::optional<CommittedNote> SqliteNote::committed() const {
  const Line line = read_line(kCommittedAt);
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
  if (read_line(kStateAt)[0] == '\0' && read_line(kCommittedAt)[0] == '\0') return true;
  return ::ftruncate(fd_, 0) == 0 && ::fdatasync(fd_) == 0;
}

void SqliteNote::set_side_files(const SideFiles& files) const {
  Line line{};
  const int size = std::snprintf(
      line.data(), line.size(), "open %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
      static_cast<std::uint64_t>(files.log.device), static_cast<std::uint64_t>(files.log.inode),
      static_cast<std::uint64_t>(files.index.device),
      static_cast<std::uint64_t>(files.index.inode));
  write_line(line, size, kStateAt);
}

void SqliteNote::set_committed(const CommittedNote& note) {
  if (committed_size_ == 0 || committed_salts_ != note.salts) {
    committed_salts_ = note.salts;
    committed_size_ =
        std::snprintf(committed_line_.data(), committed_line_.size(),
                      "committed %s %08" PRIx32 " %08" PRIx32 " %0*d\n", this_boot().c_str(),
                      note.salts.first, note.salts.second, kFramesDigits, 0);
  }
  std::uint64_t rest = note.frames;
  for (int at = committed_size_ - 2; at > committed_size_ - 2 - kFramesDigits; --at, rest /= 10) {
    committed_line_[static_cast<std::size_t>(at)] = static_cast<char>('0' + rest % 10);
  }
  write_line(committed_line_, committed_size_, kCommittedAt);
}

void SqliteNote::set_closed(const ClosedNote& note) const {
  Line line{};
  const int size = std::snprintf(line.data(), line.size(), "closed %s %" PRId64 "\n",
                                 note.identity.c_str(), note.mark);
  if (::ftruncate(fd_, 0) != 0) return;
  write_line(line, size, kStateAt);
  ::fdatasync(fd_);
}

}  // namespace nextid::store
