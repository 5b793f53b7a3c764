// Log lines to a reader that is slow, away, or gone.
#include "server/line_writer.h"

#include <array>
#include <chrono>
#include <fcntl.h>
#include <string>
#include <unistd.h>

#include <gtest/gtest.h>

namespace nextid::server {
namespace {

using std::chrono::seconds;

class LineWriterTest : public ::testing::Test {
 protected:
  LineWriterTest() { EXPECT_EQ(::pipe(ends_.data()), 0); }
  ~LineWriterTest() override {
    close_reader();
    if (ends_[1] >= 0) ::close(ends_[1]);
  }

  void close_reader() {
    if (ends_[0] >= 0) ::close(ends_[0]);
    ends_[0] = -1;
  }

  /// What is in the pipe now.
  std::string read_all() {
    std::string text;
    ::fcntl(ends_[0], F_SETFL, O_NONBLOCK);
    std::array<char, 4096> bytes{};
    for (ssize_t size; (size = ::read(ends_[0], bytes.data(), bytes.size())) > 0;) {
      text.append(bytes.data(), static_cast<std::size_t>(size));
    }
    return text;
  }

  int writing_end() const { return ends_[1]; }
  /// As standard error does, which a writer's last thread may still look at.
  void leave_writing_end_open() { ends_[1] = -1; }

 private:
  std::array<int, 2> ends_{};
};

TEST_F(LineWriterTest, WritesLinesInOrder) {
  LineWriter writer(writing_end());
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    writer.write(std::to_string(i) + "\n");
    expected += std::to_string(i) + "\n";
  }
  ASSERT_TRUE(writer.flush(seconds(10)));
  EXPECT_EQ(read_all(), expected);
  EXPECT_EQ(writer.dropped(), 0U);
}

TEST_F(LineWriterTest, DropsWhatNobodyReadsAndTellsOnceThereIsRoom) {
  LineWriter writer(writing_end());
  const std::string line(999, 'x');
  constexpr std::uint64_t kLines = 3000;
  for (std::uint64_t i = 0; i < kLines; ++i) writer.write(line + "\n");
  EXPECT_FALSE(writer.flush(std::chrono::milliseconds(1)));
  const std::uint64_t dropped = writer.dropped();
  EXPECT_GT(dropped, kLines / 2);
  EXPECT_EQ(writer.take_untold(), 0U);  // There is no room to tell it.

  std::string text;
  while (!writer.flush(std::chrono::milliseconds(1))) text += read_all();
  text += read_all();
  EXPECT_EQ(text.size(), (kLines - dropped) * (line.size() + 1));
  EXPECT_EQ(writer.take_untold(), dropped);
  EXPECT_EQ(writer.take_untold(), 0U);
}

TEST_F(LineWriterTest, EndsThoughNobodyReads) {
  const auto begin = std::chrono::steady_clock::now();
  {
    LineWriter writer(writing_end());
    for (int i = 0; i < 200; ++i) writer.write(std::string(999, 'x') + "\n");
  }
  leave_writing_end_open();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(5));
}

TEST_F(LineWriterTest, GoesOnWhenTheReaderIsGone) {
  close_reader();
  LineWriter writer(writing_end());
  writer.write("into nothing\n");
  EXPECT_TRUE(writer.flush(seconds(10)));
  EXPECT_EQ(writer.dropped(), 1U);
}

}  // namespace
}  // namespace nextid::server
