// The token file gets a line more, or stays as it is.
#include "auth/token_file.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "auth/tokens.h"
#include "unit/node/scratch_dir.h"

namespace nextid::auth {
namespace {

namespace fs = std::filesystem;

std::string line_of(const std::string& name) {
  return token_line(name, "secret of " + name, "allocate", {"*"});
}

Result<void> append(const fs::path& path, const std::string& name) {
  return append_token(path, name, line_of(name));
}

std::string text_of(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class TokenFile : public ::testing::Test {
 protected:
  std::size_t files() const {
    const fs::directory_iterator all(dir_.path());
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }
  void is_refused(const std::string& name, const std::string& part) const {
    const std::string before = text_of(path_);
    const auto appended = append(path_, name);
    ASSERT_TRUE(appended.has_error());
    EXPECT_NE(std::string(appended.error().what()).find(part), std::string::npos)
        << appended.error().what();
    EXPECT_EQ(text_of(path_), before);
    EXPECT_EQ(files(), 1U) << "no draft stays behind";
  }

  testing::ScratchDir dir_;
  fs::path path_ = dir_.path() / "tokens";
};

TEST_F(TokenFile, IsMadeForItsUserAlone) {
  const auto mask = ::umask(0);
  ASSERT_TRUE(append(path_, "billing"));
  ::umask(mask);
  EXPECT_EQ(text_of(path_), line_of("billing") + "\n");
  EXPECT_EQ(fs::status(path_).permissions(), fs::perms(0600));
  EXPECT_EQ(files(), 1U);
}

TEST_F(TokenFile, KeepsItsTextModeAndOwner) {
  std::ofstream(path_) << "# ours\n";
  fs::permissions(path_, fs::perms(0640));
  const bool is_root = ::geteuid() == 0;
  if (is_root) {
    ASSERT_EQ(::chown(path_.c_str(), 12345, 54321), 0);
  }
  ASSERT_TRUE(append(path_, "a"));
  ASSERT_TRUE(append(path_, "b"));
  EXPECT_EQ(text_of(path_), "# ours\n" + line_of("a") + "\n" + line_of("b") + "\n");
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0640U);
  if (is_root) {
    EXPECT_EQ(status.st_uid, 12345U);
    EXPECT_EQ(status.st_gid, 54321U);
  }
}

TEST_F(TokenFile, StaysBehindALink) {
  const fs::path link = dir_.path() / "link";
  std::ofstream(path_) << "# ours\n";
  fs::create_symlink("tokens", link);
  ASSERT_TRUE(append(link, "a"));
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(text_of(path_), "# ours\n" + line_of("a") + "\n");
}

TEST_F(TokenFile, RefusesANameThatItHas) {
  ASSERT_TRUE(append(path_, "billing"));
  is_refused("billing", "has a token 'billing' already; choose another name");
}

TEST_F(TokenFile, IsNotMadeWorse) {
  std::ofstream(path_) << "nonsense\n";
  is_refused("billing", "tokens, line 1: ");
  std::ofstream(path_) << std::string(kMaxTokenFileBytes - 10, '#') << '\n';
  is_refused("billing", "would exceed");
}

// What is left of "allocate orders-test" may be "allocate orders".
TEST_F(TokenFile, ALineWithoutItsEndIsNoLine) {
  const std::string whole = line_of("a") + "\n" + line_of("b");
  for (const std::string& torn :
       {whole, whole.substr(0, whole.size() - 1), std::string("# ours")}) {
    std::ofstream(path_) << torn;
    const auto read = Tokens::read(path_);
    ASSERT_TRUE(read.has_error());
    EXPECT_EQ(std::string(read.error().what()),
              "The token file " + path_.string() +
                  " is not whole: its last line has no line end; write it anew, or end that line "
                  "where it is right.");
    is_refused("billing", "is not whole");
  }
  std::ofstream(path_) << whole << '\n';
  EXPECT_EQ(Tokens::read(path_).value().size(), 2U);
}

TEST_F(TokenFile, APipeIsNotWaitedFor) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(std::string(Tokens::read(path_).error().what()),
            "Can't read the token file " + path_.string() + ": it is no regular file.");
}

TEST_F(TokenFile, NeedsAFolderAndARegularFile) {
  EXPECT_EQ(append(dir_.path() / "no" / "tokens", "a").error().code(), ErrorCode::kUnavailable);
  EXPECT_NE(std::string(append(dir_.path(), "a").error().what()).find("no regular file"),
            std::string::npos);
}

TEST_F(TokenFile, LosesNoLineOfMany) {
  constexpr int kThreads = 4;
  constexpr int kEach = 10;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int j = 0; j < kEach; ++j) {
        EXPECT_TRUE(append(path_, "t" + std::to_string(i) + "." + std::to_string(j)));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(Tokens::read(path_).value().size(), static_cast<std::size_t>(kThreads * kEach));
}

}  // namespace
}  // namespace nextid::auth
