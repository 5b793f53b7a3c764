// What lies on the disk before a SQLite store is opened (I8): its main file with the seal, its log,
// and the note in its lock file. Whatever is in them, each is read or refused with a sentence, and
// a log that SQLite would replay is seen.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unistd.h>

#include <sqlite3.h>

#include "fuzz/require.h"
#include "store/sqlite/database.h"
#include "store/sqlite/doubt.h"
#include "store/sqlite/note.h"
#include "store/sqlite/seal.h"
#include "store/sqlite/wal.h"

namespace nextid::fuzz {
namespace {

/// A file's bytes.
class Bytes {
 public:
  explicit Bytes(const std::string& path) : fd_(::open(path.c_str(), O_RDWR | O_CREAT, 0600)) {
    require(fd_ >= 0);
  }
  ~Bytes() { ::close(fd_); }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;

  void set(std::string_view bytes) const {
    require(::ftruncate(fd_, 0) == 0);
    require(::pwrite(fd_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  }
  int get() const noexcept { return fd_; }

 private:
  const int fd_;
};

/// A folder of this process, with a place for the database.
class Folder {
 public:
  Folder() { require(::mkdtemp(path_.data()) != nullptr); }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string database() const { return path_ + "/ids.db"; }

 private:
  // In memory: SQLite syncs what it brings over, and a disk takes seconds for thousands of these.
  std::string path_ = std::filesystem::path("/dev/shm") / "guard_fuzz.XXXXXX";
};

/// The input's two numbers of two bytes are the sizes of the note and of the log; the rest is the
/// main file.
struct Parts {
  std::string_view note;
  std::string_view log;
  std::string_view main;
};

Parts parts_of(std::string_view bytes) {
  const auto size_at = [&](std::size_t at) {
    return static_cast<std::size_t>(static_cast<unsigned char>(bytes[at])) |
           static_cast<std::size_t>(static_cast<unsigned char>(bytes[at + 1])) << 8;
  };
  const std::size_t note_bytes = size_at(0);
  const std::size_t log_bytes = size_at(2);
  bytes.remove_prefix(4);
  Parts parts;
  parts.note = bytes.substr(0, note_bytes);
  bytes.remove_prefix(parts.note.size());
  parts.log = bytes.substr(0, log_bytes);
  parts.main = bytes.substr(parts.log.size());
  return parts;
}

/// What it says is what it says again once it was written by us.
void check_note(int fd, store::Evidence& evidence) {
  store::SqliteNote note(fd);
  const auto side_files = note.side_files();
  evidence.closed = note.closed();
  evidence.committed = note.committed();
  require(note.tells_of_a_store() || (!side_files && !evidence.closed));
  if (side_files) {
    note.set_side_files(*side_files);
    require(note.side_files() == side_files && !note.closed());
  }
  const store::CommittedNote committed{evidence.log.salts, evidence.log.frames};
  note.set_committed(committed);
  if (const auto read = note.committed()) {
    require(read->salts == committed.salts && read->frames == committed.frames);
    evidence.committed = read;
  }
  if (!evidence.closed) return;
  require(evidence.closed->identity.size() <= 32);
  note.set_closed(*evidence.closed);
  const auto again = note.closed();
  require(again && again->identity == evidence.closed->identity);
  require(again->mark == evidence.closed->mark && !note.committed());
}

store::LogFacts check_log(const std::string& path, const Bytes& file, std::size_t size) {
  const store::LogFacts log = store::read_log(path, 512, 2);
  constexpr std::uint64_t kHeaderBytes = 32;
  constexpr std::uint64_t kLeastFrameBytes = 24;
  require(log.has_commits == (log.frames > 0));
  require(log.has_commits || !log.has_page);
  require(log.frames == 0 || kHeaderBytes + log.frames * kLeastFrameBytes <= size);
  require(!log.has_commits || log.salts == store::read_salts(file.get()));
  return log;
}

std::optional<store::Alone> check_main(const std::string& path) {
  try {
    return store::read_alone(path);
  } catch (const store::SqliteFailure& failure) {
    require_sentence(failure.what());
    return std::nullopt;
  }
}

void check_doubt(const store::Evidence& evidence) {
  if (const auto doubt = store::doubt_of(evidence)) require_sentence(doubt->sentence);
  if (const auto doubt = store::doubt_of_log(evidence, evidence.alone.seal)) {
    require_sentence(doubt->sentence);
  }
}

/// The frames that SQLite would replay. Changes the files.
int frames_by_sqlite(const std::string& path) {
  int frames = 0;
  try {
    store::Database database(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX);
    database.execute("PRAGMA synchronous = OFF");
    database.integer("SELECT count(*) FROM sqlite_schema");
    sqlite3_wal_checkpoint_v2(database.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &frames, nullptr);
  } catch (const store::SqliteFailure& failure) {
    require_sentence(failure.what());
  }
  return std::max(frames, 0);
}

void check(const Parts& parts) {
  static const Folder folder;
  const std::string path = folder.database();
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) ::unlink((path + suffix).c_str());
  const Bytes main(path);
  const Bytes log(path + "-wal");
  const Bytes lock(path + "-lock");
  main.set(parts.main);
  log.set(parts.log);
  lock.set(parts.note);

  store::Evidence evidence{.path = path,
                           .alone = {},
                           .log = check_log(path + "-wal", log, parts.log.size()),
                           .place = store::place_of(path),
                           .closed = std::nullopt,
                           .committed = std::nullopt};
  check_note(lock.get(), evidence);
  if (auto alone = check_main(path)) {
    evidence.alone = *std::move(alone);
    check_doubt(evidence);
  }
  require(frames_by_sqlite(path) <= static_cast<int>(evidence.log.frames));
}

}  // namespace
}  // namespace nextid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  nextid::fuzz::check(nextid::fuzz::parts_of({reinterpret_cast<const char*>(data), size}));
  return 0;
}
