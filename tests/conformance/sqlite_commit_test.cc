// Group commit, failures in the middle of it, and checkpoints.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <future>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <sys/file.h>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "conformance/sqlite_raw.h"
#include "conformance/store_harness.h"
#include "store/sqlite/database.h"
#include "store/sqlite/store.h"

namespace nextid::test {
namespace {

using contract::Define;
using contract::Load;
using contract::NotApplied;
using contract::Outcome;
using contract::Recall;
using contract::Remember;
using contract::Slot;
using store::SqliteStore;

constexpr contract::WriterId kAda = 0xada;
constexpr contract::WriterId kBob = 0xb0b;
/// When a record is over that outlives each test.
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

/// The sentence of a NotApplied.
std::string why(const Outcome& outcome) {
  const auto* not_applied = std::get_if<NotApplied>(&outcome);
  EXPECT_NE(not_applied, nullptr) << describe(outcome);
  return not_applied == nullptr ? "" : not_applied->why;
}

void expect_says(const std::string& sentence, const std::string& part) {
  EXPECT_NE(sentence.find(part), std::string::npos) << sentence;
}

/// No file of this process can grow past a size while it lives: a full disk.
class FullDisk {
 public:
  explicit FullDisk(std::uintmax_t bytes) : old_handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &old_limit_);
    const rlimit limit{bytes, old_limit_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &old_limit_);
    std::signal(SIGXFSZ, old_handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit old_limit_{};
  void (*old_handler_)(int);
};

class SqliteCommit : public testing::Test {
 protected:
  SqliteCommit() : store_(open_sqlite(path_)) { define("orders"); }

  void define(const std::string& counter) {
    found(run(*store_, Define{counter, kAda, Definition{}}));
  }
  std::int64_t value(const std::string& counter = "orders") {
    return found(run(*store_, Load{counter, 0})).value;
  }
  std::uintmax_t wal_bytes() const { return std::filesystem::file_size(path_ + "-wal"); }
  /// How many pages the log holds, each with a header of 24 bytes.
  std::uintmax_t wal_frames() const { return wal_bytes() / (page_bytes_ + 24); }

  TempDir directory_;
  const std::string path_ = directory_.file("ids.db");
  std::shared_ptr<SqliteStore> store_;
  const std::uintmax_t page_bytes_ =
      static_cast<std::uintmax_t>(RawConnection(path_).integer("PRAGMA page_size"));
};

TEST_F(SqliteCommit, AnswersOnlyWhatOthersCanRead) {
  RawConnection other(path_);
  const auto op = reserve("orders", kAda, 1, 0, 5);
  std::vector<std::int64_t> read;
  const auto look = [&](const Outcome&) {
    read.push_back(
        other.integer("SELECT value FROM counters WHERE name = 'orders' AND writer = 0"));
  };
  // The copy is refused, and shows the same reservation: it must be as durable.
  store_->submit({{op, look}, {op, look}});
  EXPECT_EQ(read, (std::vector<std::int64_t>{5, 5}));
}

TEST_F(SqliteCommit, WritesOnePageForAReserve) {
  committed(run(*store_, reserve("orders", kAda, 1, 0)));
  const std::uintmax_t before = wal_frames();
  for (contract::Seq seq = 2; seq < 12; ++seq) {
    committed(run(*store_, reserve("orders", kAda, seq, seq - 1)));
  }
  EXPECT_EQ(wal_frames() - before, 10u);
}

TEST_F(SqliteCommit, UndoesTheHalfOfAnOpThatFails) {
  define("poisoned");
  committed(run(*store_, reserve("poisoned", kAda, 50, 0)));
  // From now on writing a second slot with seq 50 fails, after the value was written.
  RawConnection(path_).execute(
      "CREATE UNIQUE INDEX poison ON counters (seq) WHERE writer <> 0 AND name = 'poisoned'");
  const auto outcomes =
      run_all(*store_, {reserve("orders", kAda, 1, 0, 3), reserve("poisoned", kBob, 50, 0),
                        reserve("orders", kBob, 1, 0, 4)});
  EXPECT_EQ(committed(outcomes[0]), 3);
  expect_says(why(outcomes[1]), path_);
  EXPECT_EQ(committed(outcomes[2]), 7);
  // One that has its transaction to itself is undone, too.
  expect_says(why(run(*store_, reserve("poisoned", kBob, 50, 0))), path_);
  EXPECT_EQ(value("poisoned"), 1);
  EXPECT_EQ(value(), 7);
}

TEST_F(SqliteCommit, PutsAllInDoubtWhenTheCommitFails) {
  define("second");
  const auto first = reserve("orders", kAda, 1, 0, 3);
  const auto second = reserve("second", kAda, 1, 0, 4);
  {
    const FullDisk disk(wal_bytes() + 100);
    const auto outcomes =
        run_all(*store_, {first, second, first, Define{"third", kAda, Definition{}}});
    for (const Outcome& outcome : outcomes) EXPECT_EQ(describe(outcome), "InDoubt");
    EXPECT_EQ(value(), 0) << "the store can be read";
    EXPECT_EQ(list(*store_, "", 10).value().counters.size(), 2u);
  }
  EXPECT_EQ(committed(run(*store_, first)), 3);
  EXPECT_EQ(committed(run(*store_, second)), 4);
  EXPECT_EQ(refused(run(*store_, first)).slot, (Slot{1, 3}));
  EXPECT_EQ(describe(run(*store_, Load{"third", kAda})), "Missing");
}

TEST_F(SqliteCommit, LeavesNoDoubtAboutWhatOnlyReads) {
  const contract::IdempotencyRecord record{IdRange(1, 3, 1), kNever, 8};
  const FullDisk disk(wal_bytes() + 100);
  const auto outcomes =
      run_all(*store_, {Remember{"orders", "key", record}, Recall{"orders", "key"},
                        Load{"orders", kAda}, contract::Advance{"orders", kAda, 1, 0, 1, 9}});
  EXPECT_EQ(describe(outcomes[0]), "InDoubt");
  EXPECT_EQ(describe(outcomes[1]), "NotApplied");
  EXPECT_EQ(describe(outcomes[2]), "NotApplied");
  EXPECT_EQ(describe(outcomes[3]), "InDoubt");
  EXPECT_EQ(remembered(run(*store_, Recall{"orders", "key"})), std::nullopt)
      << "the store can be read";
}

TEST_F(SqliteCommit, WritesNothingWhileAnotherProcessHoldsTheLockFile) {
  const contract::IdempotencyRecord record{IdRange(1, 3, 1), kNever, 8};
  ASSERT_EQ(remembered(run(*store_, Remember{"orders", "kept", record})), record);
  const int fd = ::open((path_ + "-lock").c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(::flock(fd, LOCK_EX), 0);
  const auto outcomes =
      run_all(*store_, {reserve("orders", kAda, 1, 0), Load{"orders", kAda}, Load{"none", kAda},
                        Recall{"orders", "kept"}, Recall{"orders", "new"}, Recall{"orders", ""},
                        Remember{"orders", "new", record}});
  expect_says(why(outcomes[0]), path_ + "-lock is held by another process");
  EXPECT_EQ(found(outcomes[1]).value, 0);
  EXPECT_EQ(describe(outcomes[2]), "Missing");
  EXPECT_EQ(remembered(outcomes[3]), record);
  EXPECT_EQ(remembered(outcomes[4]), std::nullopt);
  expect_says(why(outcomes[5]), "an idempotency key of 0 bytes");
  expect_says(why(outcomes[6]), "is held by another process");
  EXPECT_EQ(list(*store_, "", 10).value().counters.size(), 1u);
  ::close(fd);
  EXPECT_EQ(committed(run(*store_, reserve("orders", kAda, 1, 0))), 1);
}

TEST_F(SqliteCommit, LetsThoseCommitFirstWhoWaitAlready) {
  const int fd = ::open((path_ + "-lock").c_str(), O_RDWR | O_CLOEXEC);
  struct flock turnstile {};
  turnstile.l_start = off_t{1} << 62;
  turnstile.l_len = 1;
  turnstile.l_type = F_WRLCK;
  if (::fcntl(fd, F_OFD_SETLK, &turnstile) != 0) {
    ::close(fd);
    GTEST_SKIP() << "not run: this system has no locks of open files";
  }
  // Another process stands in the turnstile: the lock is free, but for us only a few times more.
  contract::Seq seq = 1;
  for (; seq < 100; ++seq) {
    const Outcome outcome = run(*store_, reserve("orders", kAda, seq, seq - 1));
    if (std::holds_alternative<contract::Committed>(outcome)) continue;
    expect_says(why(outcome), "is held by another process");
    break;
  }
  EXPECT_LE(seq, 17u);
  ::close(fd);
  EXPECT_EQ(committed(run(*store_, reserve("orders", kAda, seq, seq - 1))),
            static_cast<std::int64_t>(seq));
}

TEST_F(SqliteCommit, WritesNothingWhileAShellHoldsTheDatabase) {
  RawConnection shell(path_);
  shell.execute("BEGIN IMMEDIATE");
  const auto begun = base::monotonic_now();
  expect_says(why(run(*store_, reserve("orders", kAda, 1, 0))),
              path_ + " is locked by another process");
  constexpr std::chrono::seconds kBusyMachine{5};
  EXPECT_LE(base::monotonic_now() - begun, 5 * store::kSqliteLockLimit + kBusyMachine);
  EXPECT_EQ(value(), 0);
  shell.execute("ROLLBACK");
  EXPECT_EQ(committed(run(*store_, reserve("orders", kAda, 1, 0))), 1);
}

TEST_F(SqliteCommit, GoesOnWhenTheLockFileWasDeleted) {
  std::filesystem::remove(path_ + "-lock");
  EXPECT_EQ(committed(run(*store_, reserve("orders", kAda, 1, 0))), 1);
  const auto other = SqliteStore::open(path_);
  ASSERT_TRUE(other.has_error()) << "others would find another lock";
  EXPECT_EQ(other.error().code(), ErrorCode::kCorrupt);
  EXPECT_EQ(committed(run(*store_, reserve("orders", kAda, 2, 1))), 2);
}

TEST_F(SqliteCommit, StopsWhileItsFileIsAway) {
  committed(run(*store_, reserve("orders", kAda, 1, 0, 5)));
  std::filesystem::rename(path_, path_ + ".moved");
  expect_says(why(run(*store_, reserve("orders", kAda, 2, 1))), "was moved, deleted or replaced");
  write_file(path_, "");
  expect_says(why(run(*store_, reserve("orders", kAda, 2, 1))), path_);
  EXPECT_TRUE(list(*store_, "", 10).has_error());
  std::filesystem::rename(path_ + ".moved", path_);
  EXPECT_EQ(committed(run(*store_, reserve("orders", kAda, 2, 1))), 6);
}

TEST_F(SqliteCommit, ReportsNumbersThatMakeNoSense) {
  for (const char* nonsense : {"seq = -1", "revision = 0", "increment = NULL", "value = -1",
                               "start = -5", "max = NULL", "cache = -9"}) {
    define("orders");
    RawConnection raw(path_);
    raw.execute(std::string("UPDATE counters SET ") + nonsense);
    expect_says(why(run(*store_, reserve("orders", kAda, 1, 0))), "counter 'orders' has numbers");
    expect_says(why(run(*store_, Load{"orders", kAda})), path_ + " is damaged");
    expect_says(why(run(*store_, Define{"orders", kAda, Definition{}})), "is damaged");
    EXPECT_EQ(list(*store_, "", 10).error().code(), ErrorCode::kCorrupt) << nonsense;
    raw.execute("DELETE FROM counters");
  }
  committed((define("orders"), run(*store_, reserve("orders", kAda, 1, 0))));
  RawConnection raw(path_);
  raw.execute("UPDATE counters SET seq = -1 WHERE writer <> 0");
  expect_says(why(run(*store_, reserve("orders", kAda, 2, 1))), "is damaged");
  expect_says(why(run(*store_, Load{"orders", kBob})), "is damaged");
  raw.execute("DELETE FROM counters WHERE writer = 0");
  expect_says(why(run(*store_, Load{"orders", kAda})), "is damaged");
}

TEST_F(SqliteCommit, LosesTheTableAtRunTime) {
  RawConnection(path_).execute("DROP TABLE counters");
  expect_says(why(run(*store_, reserve("orders", kAda, 1, 0))), path_ + " is damaged");
}

/// Fills the log fast: each commit writes many pages.
class SqliteLog : public SqliteCommit {
 protected:
  SqliteLog() {
    for (int i = 0; i < 100; ++i) {
      Definition definition;
      definition.comment.assign(900, 'x');
      ops_.emplace_back(reserve("c" + std::to_string(i), kAda, 0, 0));
      found(run(*store_, Define{"c" + std::to_string(i), kAda, definition}));
    }
  }

  /// One commit of an op on each counter.
  void commit() {
    for (contract::Op& op : ops_) {
      auto& each = std::get<contract::Reserve>(op);
      each.prev = each.seq++;
    }
    const std::uintmax_t before = wal_frames();
    for (const Outcome& outcome : run_all(*store_, ops_)) committed(outcome);
    largest_commit_ = std::max(largest_commit_, wal_frames() - std::min(before, wal_frames()));
  }

  std::vector<contract::Op> ops_;
  std::uintmax_t largest_commit_ = 0;  // In frames.
};

TEST_F(SqliteLog, StaysShort) {
  std::uintmax_t longest = 0;
  for (int i = 0; i < 200; ++i) {
    commit();
    longest = std::max(longest, wal_frames());
  }
  EXPECT_LE(longest, 1000 + largest_commit_);
  EXPECT_GE(longest, 1000u) << "checkpointed more often than that pays";
}

TEST_F(SqliteLog, LetsNoReaderHoldUpCommits) {
  RawConnection reader(path_);
  reader.execute("BEGIN");
  const std::int64_t seen = reader.integer("SELECT sum(value) FROM counters");
  while (wal_frames() < 2500) commit();
  EXPECT_EQ(reader.integer("SELECT sum(value) FROM counters"), seen);
  reader.execute("COMMIT");
  const std::uintmax_t before = wal_frames();
  for (int i = 0; i < 200; ++i) commit();
  EXPECT_LE(wal_frames(), before + 1000 + largest_commit_) << "the log grows for ever";
}

TEST_F(SqliteCommit, LeavesTheFileCheckpointed) {
  committed(run(*store_, reserve("orders", kAda, 1, 0, 42)));
  store_.reset();
  std::filesystem::copy_file(path_, directory_.file("copy.db"));
  EXPECT_EQ(RawConnection(directory_.file("copy.db"))
                .integer("SELECT value FROM counters WHERE writer = 0"),
            42);
}

TEST_F(SqliteCommit, LetsACallerLeadOneGroupOnly) {
  // Each answer submits again, so a caller that led on would never come back.
  constexpr std::uint64_t kEnough = 20'000;
  std::atomic<bool> returned{false};
  std::promise<std::uint64_t> ended;
  std::atomic<bool> led_by_caller_again{false};
  const std::thread::id caller = std::this_thread::get_id();
  std::function<void(Outcome, std::uint64_t)> answer = [&](const Outcome& outcome,
                                                           std::uint64_t seq) {
    committed(outcome);
    if (seq > 1 && std::this_thread::get_id() == caller) led_by_caller_again = true;
    if (returned || seq == kEnough) return ended.set_value(seq);
    store_->submit({{reserve("orders", kAda, seq + 1, seq),
                     [&, seq](Outcome next) { answer(next, seq + 1); }}});
  };
  store_->submit({{reserve("orders", kAda, 1, 0), [&](Outcome first) { answer(first, 1); }}});
  returned = true;
  const std::uint64_t last = ended.get_future().get();
  EXPECT_LT(last, kEnough);
  EXPECT_FALSE(led_by_caller_again);
  EXPECT_EQ(value(), static_cast<std::int64_t>(last));
}

TEST_F(SqliteCommit, MayBeDestroyedByAnAnswer) {
  for (const bool by_helper : {false, true}) {
    std::promise<void> destroyed;
    auto owner = open_sqlite(directory_.file(by_helper ? "helper.db" : "caller.db"));
    SqliteStore& store = *owner;
    found(run(store, Define{"orders", kAda, Definition{}}));
    const auto destroy = [&](const Outcome&) {
      owner.reset();
      destroyed.set_value();
    };
    if (by_helper) {
      store.submit({{reserve("orders", kAda, 1, 0), [&](const Outcome&) {
                       store.submit({{reserve("orders", kAda, 2, 1), destroy}});
                     }}});
    } else {
      store.submit({{reserve("orders", kAda, 1, 0), destroy}});
    }
    destroyed.get_future().get();
  }
}

TEST_F(SqliteCommit, SharesItsFileWithAnotherStoreOfThisProcess) {
  constexpr int kOps = 300;
  const auto second = open_sqlite(directory_.path().string() + "/./ids.db");
  const auto work = [](contract::StoreDriver& store, contract::WriterId writer) {
    for (std::uint64_t seq = 1; seq <= kOps; ++seq) {
      Outcome outcome = run(store, reserve("orders", writer, seq, seq - 1));
      // Where the disk is slow, the lock may stay out of reach for one attempt.
      while (std::holds_alternative<contract::NotApplied>(outcome)) {
        outcome = run(store, reserve("orders", writer, seq, seq - 1));
      }
      committed(outcome);
    }
  };
  std::thread other([&] { work(*second, kBob); });
  work(*store_, kAda);
  other.join();
  EXPECT_EQ(value(), 2 * kOps);
  store_.reset();
  EXPECT_EQ(found(run(*second, Load{"orders", kBob})).value, 2 * kOps)
      << "one store's end leaves the other at work";
  committed(run(*second, reserve("orders", kBob, kOps + 1, kOps)));
}

}  // namespace
}  // namespace nextid::test
