// The store's clock: it runs while its machine does, whatever the wall clock shows.
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <sys/resource.h>

#include <gtest/gtest.h>

#include "conformance/sqlite_raw.h"
#include "conformance/store_harness.h"
#include "store/sqlite/store.h"

namespace nextid::test {
namespace {

using contract::IdempotencyRecord;
using contract::Recall;
using contract::Remember;
using contract::TryWrite;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using store::MachineClocks;
using store::SqliteStore;

/// A machine whose clocks are set by hand.
class Machine {
 public:
  MachineClocks clocks() const {
    return {[state = state_] { return state->wall_us.load(); },
            [state = state_] { return state->boot_us.load(); }, boot_};
  }
  /// Time passes.
  void wait(microseconds time) {
    state_->wall_us += static_cast<std::uint64_t>(time.count());
    state_->boot_us += static_cast<std::uint64_t>(time.count());
  }
  /// Somebody sets the wall clock.
  void set_wall(microseconds ahead) {
    state_->wall_us += static_cast<std::uint64_t>(ahead.count());
  }
  /// It is switched off, and on again later. Its stores must be closed.
  void restart(microseconds off) {
    ++boot_;
    state_->boot_us = 3'000'000;
    state_->wall_us += static_cast<std::uint64_t>(off.count());
  }

 private:
  struct State {
    std::atomic<std::uint64_t> wall_us{1'800'000'000'000'000};
    std::atomic<std::uint64_t> boot_us{700'000'000};
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
  std::uint64_t boot_ = 1;
};

class SqliteClock : public testing::Test {
 protected:
  std::shared_ptr<SqliteStore> open() {
    return SqliteStore::open(path_, {}, machine_.clocks()).value();
  }
  void reopen() {
    store_.reset();
    store_ = open();
  }
  static bool remember(SqliteStore& store, const std::string& key, seconds retention) {
    const IdempotencyRecord record{
        IdRange(1, 3, 1), contract::whole_seconds(store.clock_us()) + retention.count(), 8};
    return remembered(run(store, Remember{"orders", key, record})) == record;
  }
  static bool knows(SqliteStore& store, const std::string& key) {
    return remembered(run(store, Recall{"orders", key})).has_value();
  }
  std::int64_t wall_s() const { return contract::whole_seconds(machine_.clocks().wall_us()); }
  std::int64_t shown_s() const { return contract::whole_seconds(store_->clock_us()); }

  TempDir directory_;
  const std::string path_ = directory_.file("ids.db");
  Machine machine_;
  std::shared_ptr<SqliteStore> store_ = open();
};

TEST_F(SqliteClock, BeginsWithTheWallClock) { EXPECT_EQ(shown_s(), wall_s()); }

TEST_F(SqliteClock, EndsKeysWhenTheirTimeHasPassed) {
  ASSERT_TRUE(remember(*store_, "key", hours(24)));
  machine_.wait(hours(24) - seconds(1));
  EXPECT_TRUE(knows(*store_, "key"));
  machine_.wait(seconds(1));
  EXPECT_FALSE(knows(*store_, "key"));
}

TEST_F(SqliteClock, DoesNotFollowAJumpAhead) {
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(remember(*store_, "old" + std::to_string(i), hours(24)));
  }
  machine_.set_wall(hours(72));
  EXPECT_TRUE(knows(*store_, "old0"));
  for (int i = 0; i < 20; ++i) {  // Each sweeps, had anything expired.
    ASSERT_TRUE(remember(*store_, "new" + std::to_string(i), hours(24)));
  }
  reopen();
  machine_.set_wall(hours(-72));
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(knows(*store_, "old" + std::to_string(i))) << i;
    EXPECT_TRUE(knows(*store_, "new" + std::to_string(i))) << i;
  }
  machine_.wait(hours(24));
  EXPECT_FALSE(knows(*store_, "old0"));
  EXPECT_FALSE(knows(*store_, "new0")) << "it lives longer, since the clock was ahead";
}

TEST_F(SqliteClock, DoesNotStopForAClockThatIsSetBack) {
  ASSERT_TRUE(remember(*store_, "key", hours(1)));
  machine_.set_wall(-hours(24 * 365));
  reopen();
  EXPECT_TRUE(knows(*store_, "key"));
  machine_.wait(hours(1));
  EXPECT_FALSE(knows(*store_, "key"));
  ASSERT_TRUE(remember(*store_, "key", hours(1)));
  machine_.set_wall(hours(24 * 365));
  EXPECT_TRUE(knows(*store_, "key")) << "the clock was behind when the key was made";
}

TEST_F(SqliteClock, StandsStillWhileTheMachineIsOff) {
  ASSERT_TRUE(remember(*store_, "key", hours(2)));
  machine_.wait(hours(1));
  run(*store_, TryWrite{});
  store_.reset();
  machine_.restart(hours(72));
  store_ = open();
  EXPECT_TRUE(knows(*store_, "key"));
  machine_.wait(hours(1) - seconds(1));
  EXPECT_TRUE(knows(*store_, "key"));
  machine_.wait(seconds(1));
  EXPECT_FALSE(knows(*store_, "key"));
}

TEST_F(SqliteClock, LosesAMinuteAtMostWhereIdsWereGiven) {
  found(run(*store_, contract::Define{"orders", 1, Definition{}}));
  contract::Seq seq = 0;
  const std::int64_t begin_s = shown_s();
  for (int i = 0; i < 600; ++i) {
    machine_.wait(seconds(1));
    ++seq;
    committed(run(*store_, reserve("orders", 1, seq, seq - 1)));
  }
  store_.reset();
  machine_.restart(minutes(5));
  store_ = open();
  EXPECT_GE(shown_s() - begin_s, 540);
  EXPECT_LE(shown_s() - begin_s, 600);
}

TEST_F(SqliteClock, CountsTheTimeInWhichNobodyUsesTheStore) {
  ASSERT_TRUE(remember(*store_, "key", hours(24)));
  store_.reset();
  machine_.wait(hours(24));
  store_ = open();
  EXPECT_FALSE(knows(*store_, "key"));
}

TEST_F(SqliteClock, IsOneForAllWhoShareTheStore) {
  const std::int64_t begin_s = shown_s();
  machine_.wait(hours(1));
  machine_.set_wall(hours(72));
  const auto other = open();
  EXPECT_EQ(other->clock_us(), store_->clock_us());
  machine_.set_wall(-hours(72));
  for (int i = 0; i < 10; ++i) {
    machine_.wait(hours(1));
    run(*store_, TryWrite{});
    run(*other, TryWrite{});
  }
  machine_.wait(minutes(30));
  const auto third = open();
  EXPECT_EQ(shown_s() - begin_s, 11 * 3600 + 1800);
  EXPECT_EQ(other->clock_us(), store_->clock_us());
  EXPECT_EQ(third->clock_us(), store_->clock_us());
}

TEST_F(SqliteClock, BeginsInAFileOfBefore) {
  store_.reset();
  RawConnection(path_).execute("DELETE FROM idempotency WHERE counter = ''");
  machine_.set_wall(hours(1));
  store_ = open();
  EXPECT_EQ(shown_s(), wall_s());
}

/// Processes of an older version may be there, and then nobody has begun the clock.
TEST_F(SqliteClock, IsAgreedOnByThoseWhoFindNone) {
  RawConnection(path_).execute("DELETE FROM idempotency WHERE counter = ''");
  const auto first = open();
  machine_.set_wall(hours(72));
  const auto second = open();
  run(*first, TryWrite{});
  run(*second, TryWrite{});
  EXPECT_EQ(second->clock_us(), first->clock_us());
  EXPECT_EQ(RawConnection(path_).integer("SELECT count(*) FROM idempotency"), 1);
}

TEST_F(SqliteClock, GoesOnWhereTheSystemTellsNoBoot) {
  MachineClocks clocks = machine_.clocks();
  clocks.boot = 0;
  store_.reset();
  store_ = SqliteStore::open(path_, {}, clocks).value();
  ASSERT_TRUE(remember(*store_, "key", hours(1)));
  machine_.wait(minutes(59));
  run(*store_, TryWrite{});
  store_.reset();
  machine_.set_wall(hours(72));
  store_ = SqliteStore::open(path_, {}, clocks).value();
  EXPECT_TRUE(knows(*store_, "key"));
  machine_.wait(minutes(1));
  EXPECT_FALSE(knows(*store_, "key"));
}

// --- A write that changes nothing is one

std::uintmax_t log_bytes(const std::string& path) {
  return std::filesystem::file_size(path + "-wal");
}

TEST_F(SqliteClock, MovesWithEachTryWrite) {
  const auto kept = [this] {
    return RawConnection(path_).integer("SELECT first FROM idempotency WHERE counter = ''");
  };
  const auto before = log_bytes(path_);
  for (int i = 0; i < 10; ++i) {
    machine_.wait(seconds(1));
    committed(run(*store_, TryWrite{}));
    EXPECT_EQ(kept(), static_cast<std::int64_t>(store_->clock_us()));
  }
  EXPECT_GT(log_bytes(path_), before);
}

TEST_F(SqliteClock, ShowsAFullDisk) {
  committed(run(*store_, TryWrite{}));
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  const rlimit limit{log_bytes(path_), old_limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  const contract::Outcome outcome = run(*store_, TryWrite{});
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old_limit), 0);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(describe(outcome), "InDoubt");
  EXPECT_EQ(describe(run(*store_, TryWrite{})), "Committed 0");
}

TEST_F(SqliteClock, ShowsALockThatOthersHold) {
  RawConnection shell(path_);
  shell.execute("BEGIN IMMEDIATE");
  EXPECT_EQ(describe(run(*store_, TryWrite{})), "NotApplied");
  shell.execute("ROLLBACK");
  EXPECT_EQ(describe(run(*store_, TryWrite{})), "Committed 0");
}

}  // namespace
}  // namespace nextid::test
