// Which files a store opens, and that it leaves the others as they are.
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <string>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "conformance/sqlite_raw.h"
#include "conformance/store_harness.h"
#include "store/sqlite/store.h"

namespace nextid::test {
namespace {

using contract::Define;
using contract::Load;
using store::SqliteStore;

class SqliteOpening : public testing::Test {
 protected:
  /// A database of ours with one counter, closed.
  void make_ours() {
    const auto store = open_sqlite(path_);
    found(run(*store, Define{"orders", 1, Definition{}}));
    committed(run(*store, reserve("orders", 1, 1, 0, 7)));
  }

  /// Opening fails with this code and these words, names the file, and changes nothing.
  void expect_refused(ErrorCode code, const std::string& says) {
    expect_refused(path_, code, says);
  }
  void expect_refused(const std::string& path, ErrorCode code, const std::string& says) {
    auto before = snapshot(directory_.path());
    const auto opened = SqliteStore::open(path);
    ASSERT_TRUE(opened.has_error()) << path;
    const std::string sentence = opened.error().what();
    EXPECT_EQ(opened.error().code(), code) << sentence;
    EXPECT_NE(sentence.find(says), std::string::npos) << sentence;
    EXPECT_NE(sentence.find(path), std::string::npos) << sentence;
    auto after = snapshot(directory_.path());
    // Its bytes are locks and an index of the log, which every reader touches.
    before.erase("ids.db-shm");
    after.erase("ids.db-shm");
    EXPECT_TRUE(after == before) << "files changed, first: " << first_difference(before, after);
  }

  static std::string first_difference(const std::map<std::string, std::string>& before,
                                      const std::map<std::string, std::string>& after) {
    for (const auto& [name, bytes] : after) {
      const auto it = before.find(name);
      if (it == before.end()) return name + " appeared";
      if (it->second != bytes) return name + " differs";
    }
    return before.size() == after.size() ? "none" : "one is gone";
  }

  TempDir directory_;
  const std::string path_ = directory_.file("ids.db");
};

TEST_F(SqliteOpening, MakesAMissingFileThatTellsWhatItIs) {
  make_ours();
  RawConnection raw(path_);
  EXPECT_EQ(raw.integer("PRAGMA application_id"), 0x6e786964);
  EXPECT_EQ(raw.integer("PRAGMA user_version"), 3);
  EXPECT_EQ(found(run(*open_sqlite(path_), Load{"orders", 1})).value, 7);
}

TEST_F(SqliteOpening, TakesAnEmptyFileAsNew) {
  write_file(path_, "");
  make_ours();
  EXPECT_EQ(found(run(*open_sqlite(path_), Load{"orders", 1})).value, 7);
}

TEST_F(SqliteOpening, FollowsASymbolicLinkToTheSameLock) {
  make_ours();
  const std::string link = directory_.file("link.db");
  std::filesystem::create_symlink("ids.db", link);
  EXPECT_EQ(found(run(*open_sqlite(link), Load{"orders", 1})).value, 7);
  EXPECT_FALSE(std::filesystem::exists(link + "-lock"));
}

TEST_F(SqliteOpening, RefusesALinkToNothing) {
  std::filesystem::create_symlink("missing.db", path_);
  expect_refused(ErrorCode::kUnavailable, "symbolic link to a missing file");
}

TEST_F(SqliteOpening, RefusesWhatIsNoDatabase) {
  for (const std::string& bytes : {std::string("x"), std::string("#!/bin/sh\necho hello\n"),
                                   std::string(8192, '\0'), std::string(100'000, 'z')}) {
    write_file(path_, bytes);
    expect_refused(ErrorCode::kCorrupt, "not an SQLite database");
  }
}

TEST_F(SqliteOpening, RefusesDatabasesOfOthers) {
  for (const char* mode : {"DELETE", "WAL"}) {
    for (const char* sql : {"CREATE TABLE t (a)", "PRAGMA application_id = 252006674",
                            "CREATE TABLE counters (name, writer)"}) {
      std::filesystem::remove(path_);
      RawConnection raw(path_);
      raw.execute(std::string("PRAGMA journal_mode = ") + mode + "; " + sql);
      expect_refused(ErrorCode::kCorrupt, "another program (application_id 0x");
    }
  }
}

TEST_F(SqliteOpening, LeavesTheLogOfOthersAlone) {
  {
    RawConnection raw(path_);
    raw.keep_wal_at_close();
    raw.execute("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)");
  }
  ASSERT_GT(std::filesystem::file_size(path_ + "-wal"), 0u);
  expect_refused(ErrorCode::kCorrupt, "another program");
}

TEST_F(SqliteOpening, RefusesANewerFormat) {
  make_ours();
  RawConnection(path_).execute("PRAGMA user_version = 5");
  expect_refused(ErrorCode::kCorrupt, "its format is version 5");
}

TEST_F(SqliteOpening, RefusesANewerFormatThatIsInTheLogOnly) {
  make_version_1(path_);  // In WAL, all of it is in the log.
  {
    RawConnection raw(path_);
    raw.keep_wal_at_close();
    raw.execute("PRAGMA user_version = 5");
  }
  expect_refused(ErrorCode::kCorrupt, "its format is version 5");
}

TEST_F(SqliteOpening, RefusesALogThatAnotherProgramLeft) {
  make_ours();
  {
    RawConnection raw(path_);
    raw.keep_wal_at_close();
    raw.execute("CREATE TABLE t (a)");
  }
  expect_refused(ErrorCode::kCorrupt, "do not belong together");
}

TEST_F(SqliteOpening, MakesNoFileWhereNoneIsToBe) {
  for (const bool is_empty : {false, true}) {
    if (is_empty) write_file(path_, "");
    const auto before = snapshot(directory_.path());
    const auto opened = SqliteStore::open(path_, {.create = false});
    ASSERT_TRUE(opened.has_error());
    EXPECT_EQ(opened.error().code(), ErrorCode::kInvalid);
    EXPECT_TRUE(snapshot(directory_.path()) == before);
  }
}

TEST_F(SqliteOpening, LeavesOneFileThatIsWhole) {
  make_ours();
  EXPECT_FALSE(std::filesystem::exists(path_ + "-wal"));
  EXPECT_FALSE(std::filesystem::exists(path_ + "-shm"));
  EXPECT_EQ(RawConnection(path_).integer("SELECT needs_log FROM seal"), 0);
}

TEST_F(SqliteOpening, SaysInTheMainFileThatTheLogIsNeeded) {
  const auto store = open_sqlite(path_);
  const std::string copy = directory_.file("copy.db");
  std::filesystem::copy_file(path_, copy);
  EXPECT_EQ(RawConnection(copy).integer("SELECT needs_log FROM seal"), 1);
}

TEST_F(SqliteOpening, TellsWhichStoreItIs) {
  const auto first = open_sqlite(path_);
  const std::string identity = first->opening().identity;
  EXPECT_EQ(identity.size(), 32u);
  EXPECT_TRUE(first->opening().made);
  const auto beside = open_sqlite(path_);
  EXPECT_EQ(beside->opening().identity, identity);
  EXPECT_FALSE(beside->opening().made);
  EXPECT_NE(open_sqlite(directory_.file("other.db"))->opening().identity, identity);
}

TEST_F(SqliteOpening, RefusesATruncatedFile) {
  make_ours();
  const std::string bytes = read_file(path_);
  const auto page_bytes =
      static_cast<std::size_t>(RawConnection(path_).integer("PRAGMA page_size"));
  ASSERT_GT(bytes.size(), page_bytes);
  for (const char* side_file : {"-wal", "-shm", "-lock"})
    std::filesystem::remove(path_ + side_file);
  for (const std::size_t size : {std::size_t{100}, page_bytes - 1, bytes.size() - page_bytes}) {
    write_file(path_, bytes.substr(0, size));
    expect_refused(ErrorCode::kCorrupt, "is damaged");
  }
}

TEST_F(SqliteOpening, RefusesAFileWithoutItsTable) {
  make_ours();
  RawConnection(path_).execute("DROP TABLE counters");
  expect_refused(ErrorCode::kCorrupt, "no such table: counters");
  RawConnection(path_).execute("CREATE TABLE counters (name, writer)");
  expect_refused(ErrorCode::kCorrupt, "no such column");
}

TEST_F(SqliteOpening, RefusesAFileWithoutItsOtherTable) {
  make_ours();
  RawConnection(path_).execute("DROP TABLE idempotency");
  expect_refused(ErrorCode::kCorrupt, "no such table: idempotency");
  RawConnection(path_).execute("CREATE TABLE idempotency (counter, key)");
  expect_refused(ErrorCode::kCorrupt, "no such column: first");
}

TEST_F(SqliteOpening, BringsNoDamagedFileUpToDate) {
  for (const char* mode : {"WAL", "DELETE"}) {
    for (const char* damage : {"DROP TABLE counters", "CREATE TABLE idempotency (counter, key)",
                               "ALTER TABLE counters DROP COLUMN cache"}) {
      for (const char* suffix : {"", "-wal", "-shm", "-lock"}) {
        std::filesystem::remove(path_ + suffix);
      }
      make_version_1(path_, mode);
      RawConnection(path_).execute(damage);
      expect_refused(ErrorCode::kCorrupt, "is damaged");
      EXPECT_EQ(RawConnection(path_).integer("PRAGMA user_version"), 1) << damage;
    }
  }
}

TEST_F(SqliteOpening, RefusesToBeginAnewNextToTheLogOfALostFile) {
  make_version_1(path_);  // In WAL, all of it is in the log.
  std::filesystem::remove(path_);
  expect_refused(ErrorCode::kCorrupt, "is left from a database that is gone");
  write_file(path_, "");
  expect_refused(ErrorCode::kCorrupt, "is left from a database that is gone");
}

TEST_F(SqliteOpening, RefusesToBeginAnewWhereTheLockFileTellsOfAStore) {
  make_ours();
  std::filesystem::remove(path_);
  expect_refused(ErrorCode::kCorrupt, "tells of a store that was here");
  write_file(path_, "");
  expect_refused(ErrorCode::kCorrupt, "tells of a store that was here");
  std::filesystem::remove(path_ + "-lock");
  make_ours();
}

TEST_F(SqliteOpening, RefusesWhatIsNoFile) {
  std::filesystem::create_directory(path_);
  expect_refused(ErrorCode::kCorrupt, "not a regular file");
  std::filesystem::remove(path_);
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  expect_refused(ErrorCode::kCorrupt, "not a regular file");
  expect_refused("/dev/null", ErrorCode::kCorrupt, "not a regular file");
}

TEST_F(SqliteOpening, RefusesAMissingDirectory) {
  expect_refused(directory_.file("none/ids.db"), ErrorCode::kUnavailable,
                 "directory does not exist");
  expect_refused(directory_.file("none/"), ErrorCode::kUnavailable, "directory does not exist");
  write_file(path_, "");
  expect_refused(path_ + "/ids.db", ErrorCode::kUnavailable, "Not a directory");
}

TEST_F(SqliteOpening, RefusesADirectoryThatTakesNoFiles) {
  expect_refused("/proc/ids.db", ErrorCode::kUnavailable, "can't open");
}

/// Makes a file unwritable, for root too where the file system can.
class ReadOnly {
 public:
  explicit ReadOnly(std::string path) : path_(std::move(path)) {
    ::chmod(path_.c_str(), 0444);
    if (::geteuid() == 0) change_immutable('+');
  }
  ~ReadOnly() {
    if (::geteuid() == 0) change_immutable('-');
    ::chmod(path_.c_str(), 0644);
  }
  bool works() const { return ::access(path_.c_str(), W_OK) != 0; }

 private:
  void change_immutable(char sign) const {
    const std::string command = std::string("chattr ") + sign + "i '" + path_ + "' 2>/dev/null";
    static_cast<void>(std::system(command.c_str()) == 0);
  }
  const std::string path_;
};

TEST_F(SqliteOpening, RefusesAReadOnlyFile) {
  make_ours();
  const ReadOnly file(path_);
  if (!file.works()) GTEST_SKIP() << "not run: root writes to every file here";
  expect_refused(ErrorCode::kUnavailable, "make it writable");
}

TEST_F(SqliteOpening, RefusesAReadOnlyFileSystem) {
  make_ours();
  const std::string directory = directory_.path().string();
  if (::mount(directory.c_str(), directory.c_str(), nullptr, MS_BIND, nullptr) != 0 ||
      ::mount(nullptr, directory.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) !=
          0) {
    ::umount(directory.c_str());
    GTEST_SKIP() << "not run: mounting takes privileges: " << std::strerror(errno);
  }
  expect_refused(ErrorCode::kUnavailable, "Read-only file system");
  expect_refused(directory_.file("new.db"), ErrorCode::kUnavailable, "Read-only file system");
  ASSERT_EQ(::umount2(directory.c_str(), MNT_DETACH), 0);
}

TEST_F(SqliteOpening, LeavesNothingOnAFullFileSystem) {
  const std::string directory = directory_.file("small");
  std::filesystem::create_directory(directory);
  if (::mount("none", directory.c_str(), "tmpfs", 0, "size=16k") != 0) {
    GTEST_SKIP() << "not run: mounting takes privileges: " << std::strerror(errno);
  }
  const auto opened = SqliteStore::open(directory + "/ids.db");
  EXPECT_TRUE(std::filesystem::is_empty(directory));
  ASSERT_EQ(::umount2(directory.c_str(), MNT_DETACH), 0);
  ASSERT_TRUE(opened.has_error());
  EXPECT_EQ(opened.error().code(), ErrorCode::kUnavailable);
  EXPECT_NE(std::string(opened.error().what()).find("the disk is full"), std::string::npos)
      << opened.error().what();
}

TEST_F(SqliteOpening, LeavesNothingOfAFileThatMayNotGrow) {
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  // Each stops another step: the journal, the pages, the index of the log.
  for (const rlim_t bytes : {100u, 600u, 5000u, 10'000u, 20'000u}) {
    for (const bool empty_file : {false, true}) {
      std::filesystem::remove(path_);
      if (empty_file) write_file(path_, "");
      const rlimit limit{bytes, old_limit.rlim_max};
      ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
      expect_refused(ErrorCode::kUnavailable, "can't read or write");
      ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old_limit), 0);
    }
  }
  std::signal(SIGXFSZ, old_handler);
  make_ours();
}

TEST_F(SqliteOpening, WaitsForTheLockOnlySoLong) {
  make_ours();
  const int fd = ::open((path_ + "-lock").c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(::flock(fd, LOCK_EX), 0);
  expect_refused(ErrorCode::kUnavailable, "is held by another process");
  ::close(fd);
  open_sqlite(path_);
}

}  // namespace
}  // namespace nextid::test
