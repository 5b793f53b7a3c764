#include "history/history.h"

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "history/checker.h"

namespace nextid::history {
namespace {

Record answer(std::uint64_t time_ns, std::uint64_t id) {
  Record record;
  record.client = "client";
  record.counter = "global";
  record.sent_ns = time_ns;
  record.received_ns = time_ns + 1;
  record.start = record.end = id;
  record.count = 1;
  return record;
}

class HistoryFile : public ::testing::Test {
 protected:
  HistoryFile() {
    std::string name = (std::filesystem::temp_directory_path() / "history-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    directory_ = name;
  }
  ~HistoryFile() override { std::filesystem::remove_all(directory_); }

  std::string path() const { return directory_ / "history"; }

  void write(const std::string& text) const { std::ofstream(path()) << text; }

  std::string read_error() const {
    History history;
    try {
      read_history(path(), history);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  }

 private:
  std::filesystem::path directory_;
};

TEST_F(HistoryFile, KeepsRecords) {
  Record range = answer(10, 5);
  range.asked = range.count = 3;
  range.increment = 10;
  range.end = 25;
  Record none = answer(20, 0);
  none.no_ids_reason = "http-503";
  HistoryWriter writer(path());
  writer.append(range);
  writer.append(none);
  writer.flush();

  History history;
  read_history(path(), history);
  ASSERT_EQ(history.records.size(), 2U);
  EXPECT_EQ(to_line(history.records[0]), "ok client global 10 11 3 5 25 3 10\n");
  EXPECT_EQ(to_line(history.records[1]), "none client global 20 21 1 http-503\n");
  EXPECT_EQ(history.records[1].line, 2U);
}

TEST_F(HistoryFile, KeepsMarks) {
  const std::string lines =
      "ok a global 1 2 1 7 7 1 1 node=n1 key=k\n"
      "ok a global 1 2 1 8 8 1 1 cursor\n"
      "advanced a global 1 2 100 node=n1\n";
  write(lines);
  History history;
  read_history(path(), history);
  ASSERT_EQ(history.records.size(), 3U);
  EXPECT_EQ(history.records[0].key, "k");
  EXPECT_TRUE(history.records[2].advanced);
  std::string again;
  for (const Record& record : history.records) again += to_line(record);
  EXPECT_EQ(again, lines);
}

TEST_F(HistoryFile, KeepsLinesOfSeveralWritersWhole) {
  std::vector<std::thread> threads;
  for (std::uint64_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([this, thread] {
      HistoryWriter writer(path());
      for (std::uint64_t i = 0; i < 5000; ++i) {
        writer.append(answer(1, thread * 5000 + i + 1));
      }
      writer.flush();
    });
  }
  for (std::thread& thread : threads) thread.join();
  History history;
  read_history(path(), history);
  EXPECT_EQ(check(history, {}).ids, 20'000U);
}

TEST_F(HistoryFile, LeavesOutTornLastLine) {
  write("ok a global 1 2 1 1 1 1 1\nok a global 3 4 1 2 2");
  History history;
  read_history(path(), history);
  EXPECT_EQ(history.records.size(), 1U);
}

TEST_F(HistoryFile, NamesMalformedLine) {
  const std::string good = "ok a global 1 2 1 1 1 1 1\n";
  for (const char* bad :
       {"", "ok", "ok a global 1 2 1 1 1 1", "ok a global 1 2 1 1 1 1 1 1", "no a global 1 2 1 x",
        "ok a global 1 2 1 x 1 1 1", "ok a global 1 2 1 1.0 1 1 1", "ok  global 1 2 1 1 1 1 1",
        "ok a global 2 1 1 1 1 1 1", "ok a global 1 2 1 99999999999999999999 1 1 1",
        "none a global 1 2 1 ", "ok a global 1 2 1 1 1 1 1 node=", "advanced a global 1 2"}) {
    write(good + bad + "\n" + good);
    EXPECT_NE(read_error().find(path() + ":2: malformed"), std::string::npos) << bad;
  }
  write(good);
  EXPECT_EQ(read_error(), "");
}

TEST_F(HistoryFile, NamesFileThatCannotBeReadOrWritten) {
  EXPECT_NE(read_error().find(path()), std::string::npos);
  EXPECT_THROW(HistoryWriter(path() + "/none"), std::runtime_error);
  HistoryWriter full("/dev/full");
  full.append(answer(1, 1));
  EXPECT_THROW(full.flush(), std::runtime_error);
}

}  // namespace
}  // namespace nextid::history
