// Files of an older format, and what becomes of them.
#include <csignal>
#include <filesystem>
#include <string>
#include <sys/resource.h>
#include <variant>

#include <gtest/gtest.h>

#include "conformance/sqlite_raw.h"
#include "conformance/store_harness.h"
#include "store/sqlite/backup.h"
#include "store/sqlite/store.h"

namespace nextid::test {
namespace {

using contract::Load;
using contract::Recall;
using contract::Remember;
using contract::Slot;
using store::SqliteStore;

const contract::IdempotencyRecord kRecord{IdRange(43, 3, 1), 4'000'000'000, 8};

class SqliteMigration : public testing::TestWithParam<const char*> {
 protected:
  SqliteMigration() { make_version_1(path_, GetParam()); }

  /// What make_version_1() put there is there, and new ops find their place.
  void expect_works(contract::StoreDriver& store) {
    const contract::CounterState state = found(run(store, Load{"orders", 7}));
    EXPECT_EQ(state.value, 42);
    EXPECT_EQ(state.floor, 3u);
    EXPECT_EQ(state.definition, (Definition{1, 1, 1000, 1, "old", 6}));
    EXPECT_EQ(state.slot, (Slot{5, 42}));
    EXPECT_EQ(list(store, "", 10).value().counters.size(), 2u);
    EXPECT_EQ(remembered(run(store, Remember{"orders", "key", kRecord})), kRecord);
  }
  std::int64_t version() { return RawConnection(path_).integer("PRAGMA user_version"); }

  TempDir directory_;
  const std::string path_ = directory_.file("ids.db");
};

INSTANTIATE_TEST_SUITE_P(Modes, SqliteMigration, testing::Values("WAL", "DELETE"),
                         [](const auto& mode) { return std::string(mode.param); });

TEST_P(SqliteMigration, KeepsWhatIsThere) {
  expect_works(*open_sqlite(path_));
  EXPECT_EQ(version(), 3);
  EXPECT_EQ(remembered(run(*open_sqlite(path_), Recall{"orders", "key"})), kRecord);
  EXPECT_EQ(RawConnection(path_).integer("SELECT count(*) FROM pragma_integrity_check"
                                         " WHERE integrity_check <> 'ok'"),
            0);
}

TEST_P(SqliteMigration, IsDurableWhileItIsInTheLogOnly) {
  const auto store = open_sqlite(path_);
  expect_works(*store);
  // As a crash would leave them: the first page still shows the old version.
  const std::string copy = directory_.file("copy.db");
  std::filesystem::copy_file(path_, copy);
  std::filesystem::copy_file(path_ + "-wal", copy + "-wal");
  const auto after_crash = SqliteStore::open(copy, {.accept_copy = true});
  ASSERT_TRUE(after_crash.has_value()) << after_crash.error().what();
  expect_works(**after_crash);
  EXPECT_EQ(remembered(run(**after_crash, Recall{"orders", "key"})), kRecord);
}

TEST_P(SqliteMigration, IsDoneWholeOrNotAtAll) {
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  const std::uintmax_t bytes = std::filesystem::file_size(path_);
  int failures = 0;
  for (rlim_t limit_bytes = 100; limit_bytes < bytes + 6000; limit_bytes += 500) {
    const rlimit limit{limit_bytes, old_limit.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    const bool opened = SqliteStore::open(path_).has_value();
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old_limit), 0);
    if (opened) break;
    ++failures;
    // As many tables as the version has. The step that failed may be one after it.
    EXPECT_EQ(
        RawConnection(path_).integer("SELECT count(*) FROM sqlite_schema WHERE type = 'table'"),
        version())
        << limit_bytes;
  }
  std::signal(SIGXFSZ, old_handler);
  EXPECT_GT(failures, 0);
  expect_works(*open_sqlite(path_));
}

TEST_P(SqliteMigration, LeavesAnOlderProcessAtWork) {
  RawConnection older(path_);
  EXPECT_EQ(older.integer("SELECT value FROM counters WHERE name = 'orders' AND writer = 0"), 42);
  const auto store = open_sqlite(path_);
  older.execute("UPDATE counters SET value = 50 WHERE name = 'orders' AND writer = 0");
  EXPECT_EQ(found(run(*store, Load{"orders", 0})).value, 50);
}

/// A release that knows no deletion opens a file until one of its counters was deleted.
TEST_P(SqliteMigration, ComesToTheNextVersionWithTheFirstDeletion) {
  const auto store = open_sqlite(path_);
  EXPECT_EQ(version(), 3);
  Definition definition = found(run(*store, Load{"orders", 0})).definition;
  const contract::Redefine stale{"orders", 0, definition, true};
  EXPECT_TRUE(std::holds_alternative<contract::Refused>(run(*store, stale)));
  EXPECT_EQ(version(), 3);
  ++definition.revision;
  EXPECT_TRUE(found(run(*store, contract::Redefine{"orders", 0, definition, true})).deleted);
  EXPECT_EQ(version(), 4);
  // What such a release takes for damage where it has the file open.
  EXPECT_EQ(RawConnection(path_).integer(
                "SELECT revision FROM counters WHERE name = 'orders' AND writer = 0"),
            -7);
  ++definition.revision;
  EXPECT_FALSE(found(run(*store, contract::Redefine{"orders", 0, definition})).deleted);
  EXPECT_EQ(found(run(*open_sqlite(path_), Load{"orders", 0})).definition, definition);
  EXPECT_EQ(version(), 4);
}

// `nextid recover --above` reads one, and it stays as it is.
TEST(SqliteOlderBackup, IsReadWithoutMigration) {
  const TempDir directory;
  const std::string file = directory.file("backup.db");
  make_version_1(file, "DELETE");
  const auto counters = store::read_sqlite_backup(file).counters;
  ASSERT_EQ(counters.size(), 2u);
  EXPECT_EQ(counters[0].name, "orders");
  EXPECT_EQ(counters[0].value, 42u);
  EXPECT_EQ(counters[0].definition, (Definition{1, 1, 1000, 1, "old", 6}));
  EXPECT_EQ(RawConnection(file).integer("PRAGMA user_version"), 1);
}

}  // namespace
}  // namespace nextid::test
