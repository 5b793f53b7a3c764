#include "store/sqlite/wal.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/cat.h"
#include "base/descriptor.h"
#include "store/sqlite/database.h"

namespace nextid::store {
namespace {

using base::cat;

constexpr std::uint64_t kHeaderBytes = 32;
constexpr std::uint64_t kFrameHeaderBytes = 24;
constexpr std::uint32_t kMagic = 0x377f0682;  // With the last bit clear or set.

template <std::size_t Size>
using Bytes = std::array<unsigned char, Size>;

template <std::size_t Size>
std::uint32_t number_at(const Bytes<Size>& bytes, std::size_t at) {
  std::uint32_t number = 0;
  for (std::size_t i = at; i < at + 4; ++i) number = number << 8 | bytes[i];
  return number;
}

template <std::size_t Size>
bool read_at(int fd, Bytes<Size>& bytes, std::uint64_t at) {
  return ::pread(fd, bytes.data(), Size, static_cast<off_t>(at)) ==
         static_cast<ssize_t>(bytes.size());
}

}  // namespace

LogFacts read_log(const std::string& path, std::uint32_t page_bytes, std::uint32_t page) {
  LogFacts facts;
  const base::Descriptor log(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!log.is_open()) {
    if (errno == ENOENT) return facts;
    throw SqliteFailure(SQLITE_CANTOPEN, cat("can't open ", path, ": ", std::strerror(errno),
                                             "; make it readable for this user"));
  }
  Bytes<kHeaderBytes> header{};
  if (!read_at(log.descriptor(), header, 0) || (number_at(header, 0) & ~1u) != kMagic) return facts;
  // SQLite takes the size from the log, even where the main file has another.
  const std::uint32_t log_page_bytes = number_at(header, 8);
  facts.salts = {number_at(header, 16), number_at(header, 20)};
  struct stat status {};
  ::fstat(log.descriptor(), &status);
  const std::uint64_t frame_bytes = kFrameHeaderBytes + log_page_bytes;
  const std::uint64_t whole_frames =
      (static_cast<std::uint64_t>(status.st_size) - kHeaderBytes) / frame_bytes;
  bool page_seen = false;
  Bytes<kFrameHeaderBytes> frame{};
  if (read_at(log.descriptor(), frame, kHeaderBytes)) {
    const LogSalts first{number_at(frame, 8), number_at(frame, 12)};
    facts.just_begins = first == facts.salts || first.first + 1 == facts.salts.first;
  }
  for (std::uint64_t i = 0; i < whole_frames; ++i) {
    if (!read_at(log.descriptor(), frame, kHeaderBytes + i * frame_bytes)) break;
    if (LogSalts{number_at(frame, 8), number_at(frame, 12)} != facts.salts) break;
    page_seen = page_seen || (log_page_bytes == page_bytes && number_at(frame, 0) == page);
    if (number_at(frame, 4) == 0) continue;  // Not the last one of its transaction.
    facts.has_commits = true;
    facts.frames = i + 1;
    facts.has_page = page_seen;
  }
  return facts;
}

LogSalts read_salts(int fd) {
  Bytes<8> salts{};
  if (!read_at(fd, salts, 16)) return {};
  return {number_at(salts, 0), number_at(salts, 4)};
}

}  // namespace nextid::store
