// Several processes on one file: side by side, killed in the middle, and forked.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <signal.h>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "conformance/sqlite_raw.h"
#include "conformance/store_harness.h"
#include "store/sqlite/store.h"

namespace nextid::test {
namespace {

using contract::Define;
using contract::Load;
using contract::Outcome;
using store::SqliteStore;

constexpr contract::WriterId kParent = 99;

/// A forked process, and a pipe on which it tells numbers. It ends with this object at the latest.
class Child {
 public:
  using Body = std::function<int(int pipe)>;

  explicit Child(const Body& body) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(ends[0]);
      ::_exit(run_body(body, ends[1]));
    }
    ::close(ends[1]);
    pipe_ = ends[0];
  }
  ~Child() {
    if (pid_ > 0) {
      kill();
      wait();
    }
    ::close(pipe_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// The next number; nothing at the end. Blocks.
  std::optional<std::int64_t> read() {
    std::int64_t number = 0;
    if (::read(pipe_, &number, sizeof number) != sizeof number) return std::nullopt;
    return number;
  }
  void kill() const { ::kill(pid_, SIGKILL); }
  /// The exit status; -1 for a signal.
  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  /// No exception may leave: the tests would go on in the child.
  static int run_body(const Body& body, int pipe) noexcept {
    try {
      return body(pipe);
    } catch (const std::exception& thrown) {
      std::fprintf(stderr, "child: %s\n", thrown.what());
      return kThrew;
    }
  }

  static constexpr int kThrew = 100;
  pid_t pid_ = -1;
  int pipe_ = -1;
};

/// Reserves one id after the other as `writer`, and tells each. Never more than `ops`, so that
/// a forgotten child ends.
int reserve_and_tell(const std::string& path, contract::WriterId writer, std::uint64_t ops,
                     int pipe) {
  const auto store = open_sqlite(path);
  run(*store, Define{"orders", writer, Definition{}});
  for (std::uint64_t seq = 1; seq <= ops;) {
    const Outcome outcome = run(*store, reserve("orders", writer, seq, seq - 1));
    // While the others are fast, the lock may stay out of reach for one attempt.
    if (std::holds_alternative<contract::NotApplied>(outcome)) continue;
    const auto* committed = std::get_if<contract::Committed>(&outcome);
    if (committed == nullptr) return 3;
    if (::write(pipe, &committed->end, sizeof committed->end) != sizeof committed->end) return 4;
    ++seq;
  }
  return 0;
}

class SqliteProcesses : public testing::Test {
 protected:
  TempDir directory_;
  const std::string path_ = directory_.file("ids.db");
};

TEST_F(SqliteProcesses, MakeOneFileTogether) {
  constexpr std::uint64_t kOps = 50;
  for (int round = 0; round < 5; ++round) {
    const std::string path = directory_.file("ids" + std::to_string(round) + ".db");
    std::vector<std::unique_ptr<Child>> children;
    for (contract::WriterId writer = 1; writer <= 4; ++writer) {
      children.push_back(std::make_unique<Child>(
          [&](int pipe) { return reserve_and_tell(path, writer, kOps, pipe); }));
    }
    std::set<std::int64_t> ends;
    for (const auto& child : children) {
      while (const auto end = child->read()) EXPECT_TRUE(ends.insert(*end).second) << *end;
      EXPECT_EQ(child->wait(), 0);
    }
    EXPECT_EQ(ends.size(), 4 * kOps);
    EXPECT_EQ(*ends.rbegin(), static_cast<std::int64_t>(4 * kOps));
  }
}

TEST_F(SqliteProcesses, LoseNothingWhenOneIsKilled) {
  constexpr std::uint64_t kOps = 1500;
  constexpr std::uint64_t kBeforeKill = 300;
  Child survivor([&](int pipe) { return reserve_and_tell(path_, 1, kOps, pipe); });
  std::set<std::int64_t> ends;
  std::uint64_t killed_told = 0;
  std::uint64_t killed_children = 0;
  for (contract::WriterId writer = 2; writer <= 4; ++writer, ++killed_children) {
    Child victim([&](int pipe) { return reserve_and_tell(path_, writer, kOps, pipe); });
    for (std::uint64_t i = 0; i < kBeforeKill + writer; ++i) {
      const auto end = victim.read();
      ASSERT_TRUE(end) << "the victim ended too early";
      EXPECT_TRUE(ends.insert(*end).second) << *end << " was given twice";
      ++killed_told;
    }
    victim.kill();
    EXPECT_EQ(victim.wait(), -1);
    for (; const auto end = victim.read(); ++killed_told) {
      EXPECT_TRUE(ends.insert(*end).second) << *end << " was given twice";
    }
  }
  while (const auto end = survivor.read()) {
    EXPECT_TRUE(ends.insert(*end).second) << *end << " was given twice";
  }
  EXPECT_EQ(survivor.wait(), 0);
  const auto value =
      static_cast<std::uint64_t>(found(run(*open_sqlite(path_), Load{"orders", kParent})).value);
  // Each of the killed may have committed one op that it could not tell any more.
  EXPECT_GE(value, kOps + killed_told);
  EXPECT_LE(value, kOps + killed_told + killed_children);
  EXPECT_EQ(RawConnection(path_).integer("SELECT count(*) FROM pragma_integrity_check"
                                         " WHERE integrity_check <> 'ok'"),
            0);
}

TEST_F(SqliteProcesses, OpenAFileWhoseMakerWasKilled) {
  // Death comes a little later each time, from before the file exists to after it is in use.
  constexpr int kSteps = 150;
  const auto started = std::chrono::steady_clock::now();
  open_sqlite(path_).reset();
  const auto last_death = 2 * (std::chrono::steady_clock::now() - started);
  for (int step = 0; step < kSteps; ++step) {
    const std::string path = directory_.file("ids" + std::to_string(step) + ".db");
    {
      Child maker([&](int pipe) {
        const std::int64_t alive = 0;
        if (::write(pipe, &alive, sizeof alive) != sizeof alive) return 1;
        return reserve_and_tell(path, 1, 1000, pipe);
      });
      ASSERT_TRUE(maker.read());
      const auto death = std::chrono::steady_clock::now() + last_death * step / kSteps;
      while (std::chrono::steady_clock::now() < death) {
      }
    }
    const auto opened = SqliteStore::open(path);
    ASSERT_TRUE(opened.has_value()) << "step " << step << ": " << opened.error().what();
    found(run(**opened, Define{"orders", kParent, Definition{}}));
    committed(run(**opened, reserve("orders", kParent, 1, 0)));
  }
}

/// Remembers keys as `owner`, and tells whose each is.
int remember_and_tell(const std::string& path, std::uint64_t owner, int keys, int pipe) {
  const auto store = open_sqlite(path);
  const std::int64_t never = std::numeric_limits<std::int64_t>::max();
  for (int i = 0; i < keys;) {
    const contract::Remember op{
        "orders", "key" + std::to_string(i), {IdRange(owner, 1, 1), never, owner}};
    const Outcome outcome = run(*store, op);
    if (std::holds_alternative<contract::NotApplied>(outcome)) continue;
    const auto* remembered = std::get_if<contract::Remembered>(&outcome);
    if (remembered == nullptr || !remembered->record) return 3;
    const auto holder = static_cast<std::int64_t>(remembered->record->owner);
    if (::write(pipe, &holder, sizeof holder) != sizeof holder) return 4;
    ++i;
  }
  return 0;
}

TEST_F(SqliteProcesses, GiveEachKeyToOneOfThem) {
  constexpr int kKeys = 150;
  std::vector<std::unique_ptr<Child>> children;
  for (std::uint64_t owner = 1; owner <= 3; ++owner) {
    children.push_back(std::make_unique<Child>(
        [&, owner](int pipe) { return remember_and_tell(path_, owner, kKeys, pipe); }));
  }
  for (int i = 0; i < kKeys; ++i) {
    const auto holder = children.front()->read();
    ASSERT_TRUE(holder);
    for (std::size_t child = 1; child < children.size(); ++child) {
      EXPECT_EQ(children[child]->read(), holder) << "key " << i;
    }
  }
  for (const auto& child : children) EXPECT_EQ(child->wait(), 0);
}

TEST_F(SqliteProcesses, BringOneOldFileUpToDateTogether) {
  for (int round = 0; round < 5; ++round) {
    const std::string path = directory_.file("ids" + std::to_string(round) + ".db");
    make_version_1(path, round % 2 == 0 ? "WAL" : "DELETE");
    std::vector<std::unique_ptr<Child>> children;
    for (std::uint64_t owner = 1; owner <= 4; ++owner) {
      children.push_back(std::make_unique<Child>(
          [&, owner](int pipe) { return remember_and_tell(path, owner, 10, pipe); }));
    }
    for (const auto& child : children) {
      while (child->read()) {
      }
      EXPECT_EQ(child->wait(), 0);
    }
    EXPECT_EQ(found(run(*open_sqlite(path), Load{"orders", 7})).value, 42);
    EXPECT_EQ(RawConnection(path).integer("SELECT count(*) FROM idempotency WHERE counter <> ''"),
              10);
  }
}

TEST_F(SqliteProcesses, OpenAnOldFileThatAKilledOneBroughtUpToDate) {
  // Death comes a little later each time, from before the file is opened to after it is in use.
  constexpr int kSteps = 100;
  make_version_1(path_);
  const auto started = std::chrono::steady_clock::now();
  open_sqlite(path_).reset();
  const auto last_death = 2 * (std::chrono::steady_clock::now() - started);
  for (int step = 0; step < kSteps; ++step) {
    const std::string path = directory_.file("ids" + std::to_string(step) + ".db");
    make_version_1(path, step % 2 == 0 ? "WAL" : "DELETE");
    {
      Child victim([&](int pipe) {
        const std::int64_t alive = 0;
        if (::write(pipe, &alive, sizeof alive) != sizeof alive) return 1;
        return remember_and_tell(path, 1, 1000, pipe);
      });
      ASSERT_TRUE(victim.read());
      const auto death = std::chrono::steady_clock::now() + last_death * step / kSteps;
      while (std::chrono::steady_clock::now() < death) {
      }
    }
    const auto opened = SqliteStore::open(path);
    ASSERT_TRUE(opened.has_value()) << "step " << step << ": " << opened.error().what();
    const contract::CounterState state = found(run(**opened, Load{"orders", 7}));
    EXPECT_EQ(state.value, 42);
    EXPECT_EQ(state.slot, (contract::Slot{5, 42}));
    EXPECT_TRUE(std::holds_alternative<contract::Remembered>(
        run(**opened, contract::Recall{"orders", "key0"})));
  }
}

TEST_F(SqliteProcesses, OpenAnOldFileWhoseFirstSealCameOverInPart) {
  make_version_1(path_);
  const auto old_bytes = std::filesystem::file_size(path_);
  {
    Child victim([&](int pipe) {
      const auto store = open_sqlite(path_);
      const std::int64_t opened = 1;
      if (::write(pipe, &opened, sizeof opened) != sizeof opened) return 1;
      return ::pause();
    });
    ASSERT_TRUE(victim.read());
  }
  // As a checkpoint leaves it that is killed once the pages that were there are written: the schema
  // names a page that is missing.
  ASSERT_GT(std::filesystem::file_size(path_), old_bytes);
  std::filesystem::resize_file(path_, old_bytes);
  const auto opened = SqliteStore::open(path_);
  ASSERT_TRUE(opened.has_value()) << opened.error().what();
  EXPECT_EQ(found(run(**opened, Load{"orders", 7})).value, 42);
}

TEST_F(SqliteProcesses, AForkedChildLeavesTheStoreToItsParent) {
  auto store = open_sqlite(path_);
  found(run(*store, Define{"orders", kParent, Definition{}}));
  committed(run(*store, reserve("orders", kParent, 1, 0)));
  Child child([&](int) {
    store.reset();
    const auto same = SqliteStore::open(path_);
    if (same.has_value() || same.error().code() != ErrorCode::kInvalid) return 1;
    const auto other = SqliteStore::open(directory_.file("other.db"));
    return other.has_value() ? 0 : 2;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(committed(run(*store, reserve("orders", kParent, 2, 1))), 2);
}

TEST_F(SqliteProcesses, AChildMayOpenWhatItsParentHasClosed) {
  auto store = open_sqlite(path_);
  found(run(*store, Define{"orders", kParent, Definition{}}));
  store.reset();
  Child child([&](int) {
    const auto opened = SqliteStore::open(path_);
    return opened.has_value() && found(run(**opened, Load{"orders", 1})).value == 0 ? 0 : 1;
  });
  EXPECT_EQ(child.wait(), 0);
}

}  // namespace
}  // namespace nextid::test
