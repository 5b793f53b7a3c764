// The state file on real disks and in real processes: what it keeps, and what it makes of files
// that are not its own.
#include "state/state_file.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "unit/node/scratch_dir.h"

namespace nextid::state {
namespace {

using testing::ScratchDir;
using Making = StateFile::Making;

class StateFileTest : public ::testing::Test {
 protected:
  std::string directory() const { return (scratch_.path() / "state").string(); }
  std::filesystem::path file() const { return scratch_.path() / "state" / StateFile::kFileName; }

  std::unique_ptr<StateFile> open() const {
    auto opened = StateFile::open(directory(), Making::kDirectory);
    EXPECT_TRUE(opened) << opened.error().what();
    return opened ? *std::move(opened) : nullptr;
  }
  Error refusal(Making making = Making::kDirectory) const {
    const auto opened = StateFile::open(directory(), making);
    EXPECT_FALSE(opened);
    return opened ? Error() : opened.error();
  }

  const ScratchDir scratch_;
};

bool says(const Error& error, const std::string& words) {
  return std::string(error.what()).find(words) != std::string::npos;
}

std::int64_t issued(const StateFile& file, const std::string& counter) {
  const auto mark = file.counter(counter).value();
  return mark ? mark->issued : -1;
}

TEST_F(StateFileTest, RemembersAcrossOpenings) {
  {
    const auto state = open();
    EXPECT_TRUE(state->made());
    EXPECT_EQ(state->identity().value(), "");
    ASSERT_TRUE(state->remember_identity("one"));
    ASSERT_TRUE(state->write({{"a", 7}, {"b", 0, "b has stopped."}}));
  }
  const auto state = open();
  EXPECT_FALSE(state->made());
  EXPECT_EQ(state->identity().value(), "one");
  EXPECT_EQ(state->counter("a").value(), (Mark{"a", 7}));
  EXPECT_EQ(state->counter("b").value(), (Mark{"b", 0, "b has stopped."}));
  EXPECT_EQ(state->counter("c").value(), std::nullopt);
  EXPECT_EQ(state->counters().value(), 2U);
  EXPECT_EQ(state->stopped(10).value(), (std::vector<Mark>{{"b", 0, "b has stopped."}}));
}

TEST_F(StateFileTest, WhatWasIssuedOnlyGrowsAndAStopStays) {
  const auto state = open();
  ASSERT_TRUE(state->write({{"a", 7}}));
  ASSERT_TRUE(state->write({{"a", 5, "The first reason."}}));
  ASSERT_TRUE(state->write({{"a", 9, "Another reason."}}));
  ASSERT_TRUE(state->write({{"a", 8}}));
  EXPECT_EQ(state->counter("a").value(), (Mark{"a", 9, "The first reason."}));
}

TEST_F(StateFileTest, TheNewestComeFirst) {
  const auto state = open();
  ASSERT_TRUE(state->write({{"a", 1}, {"d", 1}}));
  ASSERT_TRUE(state->write({{"b", 2}}));
  ASSERT_TRUE(state->write({{"c", 3}}));
  ASSERT_TRUE(state->write({{"a", 4}}));
  const auto newest = state->newest(3).value();
  EXPECT_EQ(newest, (std::vector<Mark>{{"a", 4}, {"c", 3}, {"b", 2}}));
}

TEST_F(StateFileTest, OnlyRecoveryTakesBack) {
  const auto state = open();
  ASSERT_TRUE(state->remember_identity("one"));
  ASSERT_TRUE(state->remember_identity("one"));
  const auto refused = state->remember_identity("two");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalid);
  EXPECT_TRUE(says(refused.error(), "one") && says(refused.error(), "two"));
  EXPECT_EQ(state->identity().value(), "one");
  ASSERT_TRUE(state->remember_identity("two", true));
  EXPECT_EQ(state->identity().value(), "two");

  ASSERT_TRUE(state->write({{"a", 9, "a has stopped."}, {"b", 9, "b has stopped."}}));
  ASSERT_TRUE(state->reset("a", 4));
  ASSERT_TRUE(state->reset("new", 3));
  EXPECT_EQ(state->counter("a").value(), (Mark{"a", 4}));
  EXPECT_EQ(state->counter("new").value(), (Mark{"new", 3}));
  ASSERT_TRUE(state->clear_stops());
  EXPECT_EQ(state->counter("b").value(), (Mark{"b", 9}));
  ASSERT_TRUE(state->forget_counters());
  EXPECT_EQ(state->counters().value(), 0U);
  EXPECT_EQ(state->identity().value(), "two");
}

TEST_F(StateFileTest, MakesNoMoreThanItIsAskedTo) {
  EXPECT_EQ(refusal(Making::kNothing).code(), ErrorCode::kNotFound);
  EXPECT_EQ(refusal(Making::kFile).code(), ErrorCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(directory()));
  std::filesystem::create_directory(directory());
  EXPECT_EQ(refusal(Making::kNothing).code(), ErrorCode::kNotFound);
  EXPECT_TRUE(std::filesystem::is_empty(directory()));
  EXPECT_TRUE(StateFile::open(directory(), Making::kFile));
  EXPECT_TRUE(StateFile::open(directory(), Making::kNothing));

  const auto deep = StateFile::open(directory() + "/x/y", Making::kDirectory);
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().code(), ErrorCode::kUnavailable);
  EXPECT_TRUE(says(deep.error(), "/x/y") && says(deep.error(), "make its parent directory"));
}

TEST_F(StateFileTest, RefusesWhatIsNoDirectory) {
  std::ofstream(directory()) << "a file";
  EXPECT_EQ(refusal().code(), ErrorCode::kInvalid);
  EXPECT_TRUE(says(refusal(), directory() + " is no directory"));
}

TEST_F(StateFileTest, RefusesWhatIsNoDatabaseAndLeavesIt) {
  std::filesystem::create_directory(directory());
  const std::string text(5000, 'x');
  std::ofstream(file()) << text;
  EXPECT_EQ(refusal().code(), ErrorCode::kInvalid);
  EXPECT_TRUE(says(refusal(), "no state file of nextid"));
  EXPECT_EQ(std::filesystem::file_size(file()), text.size());
}

TEST_F(StateFileTest, RefusesAnothersDatabase) {
  std::filesystem::create_directory(directory());
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(file().c_str(), &db), SQLITE_OK);
  sqlite3_exec(db, "CREATE TABLE counters (name TEXT)", nullptr, nullptr, nullptr);
  EXPECT_EQ(refusal().code(), ErrorCode::kInvalid);
  sqlite3_exec(db, "PRAGMA application_id = 0x6e787374; PRAGMA user_version = 2", nullptr, nullptr,
               nullptr);
  EXPECT_TRUE(says(refusal(), "another version of nextid, with format 2"));
  sqlite3_close(db);
}

TEST_F(StateFileTest, SaysThatADamagedFileMayBeRemoved) {
  {
    const auto state = open();
    std::vector<Mark> marks;
    for (int i = 0; i < 1000; ++i) marks.push_back({"counter-" + std::to_string(i), i});
    ASSERT_TRUE(state->write(marks));
  }
  const auto size = std::filesystem::file_size(file());
  {
    std::fstream bytes(file(), std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(4096);
    bytes << std::string(size - 4096, '\x5a');
  }
  const auto opened = StateFile::open(directory(), Making::kDirectory);
  const Error error = opened ? (*opened)->newest(1000).error() : opened.error();
  EXPECT_EQ(error.code(), ErrorCode::kCorrupt);
  EXPECT_TRUE(says(error, "to lose it is safe: remove it")) << error.what();
}

TEST_F(StateFileTest, TellsThatItWasRemoved) {
  const auto state = open();
  ASSERT_TRUE(state->write({{"a", 1}}));
  std::filesystem::remove(file());
  const auto written = state->write({{"a", 2}});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code(), ErrorCode::kUnavailable);
  std::filesystem::remove_all(directory());
  EXPECT_FALSE(state->write({{"a", 3}}));
  EXPECT_FALSE(std::filesystem::exists(directory()));
}

TEST_F(StateFileTest, AFailedWriteKeepsNothingAndTheNextOneWorks) {
  const auto state = open();
  ASSERT_TRUE(state->write({{"a", 1}}));
  EXPECT_FALSE(state->write({{"a", 2}, {"b", -1}}));
  EXPECT_EQ(issued(*state, "a"), 1);
  EXPECT_TRUE(state->write({{"a", 3}}));
  EXPECT_EQ(issued(*state, "a"), 3);
}

TEST_F(StateFileTest, ThreadsShareOne) {
  const auto state = open();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&state, t] {
      for (int i = 1; i <= 50; ++i) {
        EXPECT_TRUE(state->write({{"shared", i}, {"own-" + std::to_string(t), i}}));
        EXPECT_GE(issued(*state, "shared"), i);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(state->counters().value(), 5U);
}

std::optional<Error> failure_of(const Result<void>& result) {
  return result ? std::nullopt : std::optional<Error>(result.error());
}

/// A forked process that writes marks that grow until it is killed, and tells before each one.
class Writer {
 public:
  Writer(const std::string& directory, const std::string& counter)
      : begun_(static_cast<std::int64_t*>(::mmap(nullptr, 2 * sizeof(std::int64_t),
                                                 PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                                                 -1, 0))) {
    pid_ = ::fork();
    if (pid_ == 0) write(directory, counter);
  }
  ~Writer() {
    end();
    ::munmap(begun_, 2 * sizeof(std::int64_t));
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  std::int64_t begun() const { return __atomic_load_n(&begun_[0], __ATOMIC_SEQ_CST); }
  std::int64_t done() const { return __atomic_load_n(&begun_[1], __ATOMIC_SEQ_CST); }
  /// True where it ran until it was killed.
  bool end() {
    if (pid_ == 0) return true;
    ::kill(pid_, SIGKILL);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFSIGNALED(status);
  }

 private:
  [[noreturn]] void write(const std::string& directory, const std::string& counter) {
    auto opened = StateFile::open(directory, Making::kDirectory);
    while (!opened && opened.error().code() == ErrorCode::kUnavailable) {
      opened = StateFile::open(directory, Making::kDirectory);
    }
    if (!opened) ::_exit(1);
    for (std::int64_t i = 1;; ++i) {
      begun_[0] = i;
      // SQLite's locks are not fair: beside one that does nothing but write, it may not get its
      // turn in time.
      while (const auto error = failure_of((*opened)->write({{counter, i}, {"both", i}}))) {
        if (error->code() != ErrorCode::kUnavailable) ::_exit(2);
      }
      begun_[1] = i;
      ::usleep(2'000);
    }
  }

  std::int64_t* const begun_;
  pid_t pid_ = 0;
};

TEST_F(StateFileTest, TwoProcessesWriteAndAreKilledAtAnyMoment) {
  for (int round = 1; round <= 10; ++round) {
    const std::string suffix = std::to_string(round);
    Writer one(directory(), "one-" + suffix);
    Writer two(directory(), "two-" + suffix);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (one.done() < 3 || two.done() < 3) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ASSERT_TRUE(one.end() && two.end());
    const auto state = open();
    for (const auto& [writer, counter] : {std::pair(&one, "one-"), std::pair(&two, "two-")}) {
      const std::int64_t kept = issued(*state, counter + suffix);
      EXPECT_GE(kept, writer->done());
      EXPECT_LE(kept, writer->begun());
    }
    EXPECT_GE(issued(*state, "both"), std::max(one.done(), two.done()));
  }
}

}  // namespace
}  // namespace nextid::state
