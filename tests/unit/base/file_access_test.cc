#include "base/file_access.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "unit/node/scratch_dir.h"

namespace nextid::base {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kNobody = 65534;

class FileAccessTest : public ::testing::Test {
 protected:
  std::string file(const char* name, mode_t mode) const {
    const fs::path path = scratch_.path() / name;
    std::ofstream(path) << "text";
    ::chmod(path.c_str(), mode);
    return path;
  }
  void open_directory(mode_t mode) const { ::chmod(scratch_.path().c_str(), mode); }

  const testing::ScratchDir scratch_;
};

std::string why(const std::string& path) { return why_others_can_write(path).value_or(""); }

TEST_F(FileAccessTest, AFileThatEveryoneMayWriteIsNotReliedOn) {
  for (const mode_t mode : {0600U, 0640U, 0644U, 0664U, 0444U}) {
    EXPECT_EQ(why(file("f", mode)), "") << mode;
  }
  const std::string path = file("f", 0666);
  EXPECT_EQ(why(path), "every user of this machine may change it: it belongs to the user " +
                           std::to_string(::geteuid()) + ", with the mode 0666; run `chmod o-w " +
                           path + "`");
}

TEST_F(FileAccessTest, NorIsOneThatEveryoneMayExchange) {
  const std::string path = file("f", 0600);
  open_directory(0777);
  const std::string clause = why(path);
  EXPECT_NE(clause.find("its directory " + scratch_.path().string() + " belongs to the user"),
            std::string::npos)
      << clause;
  EXPECT_NE(clause.find("0777; run `chmod o-w " + scratch_.path().string() + "`"),
            std::string::npos)
      << clause;
  EXPECT_EQ(why((scratch_.path() / "missing").string()), clause);
  open_directory(0775);
  EXPECT_EQ(why(path), "");
}

TEST_F(FileAccessTest, InASharedDirectoryOnlyOursAndRootsCount) {
  const std::string path = file("f", 0600);
  open_directory(01777);
  EXPECT_EQ(why(path), "");
  EXPECT_EQ(why((scratch_.path() / "missing").string()), "");
  if (::geteuid() != 0) GTEST_SKIP() << "not run: only root makes files of others";
  ASSERT_EQ(::chown(path.c_str(), kNobody, kNobody), 0);
  EXPECT_NE(why(path).find("belongs to the user 65534, with the mode 0600"), std::string::npos);
  EXPECT_NE(why(path).find("run `chown 0 " + path), std::string::npos);
  open_directory(0755);
  EXPECT_EQ(why(path), "");
}

TEST_F(FileAccessTest, LinksAreFollowedAndJudged) {
  const fs::path open = scratch_.path() / "open";
  fs::create_directory(open);
  ::chmod(open.c_str(), 0777);
  const std::string path = file("f", 0600);
  fs::create_symlink(path, open / "link");  // Whoever may write there can lead it elsewhere.
  EXPECT_NE(why(open / "link"), "");
  fs::create_symlink(open / "target", scratch_.path() / "link");
  std::ofstream(open / "target") << "text";
  EXPECT_NE(why(scratch_.path() / "link"), "");
}

TEST_F(FileAccessTest, AllDirectoriesAboveItCount) {
  const fs::path inner = scratch_.path() / "a" / "b";
  fs::create_directories(inner);
  const std::string path = inner / "f";
  EXPECT_EQ(why(path), "");
  open_directory(0777);
  EXPECT_NE(why(path).find("its directory " + scratch_.path().string() + " belongs to the user"),
            std::string::npos)
      << why(path);
  open_directory(01777);
  EXPECT_EQ(why(path), "");
  if (::geteuid() != 0) GTEST_SKIP() << "not run: only root makes files of others";
  ASSERT_EQ(::chown((scratch_.path() / "a").c_str(), kNobody, kNobody), 0);
  EXPECT_NE(why(path).find((scratch_.path() / "a").string() + " belongs to the user 65534"),
            std::string::npos)
      << why(path);
}

TEST_F(FileAccessTest, APathIsJudgedFromWhereItBegins) {
  const fs::path before = fs::current_path();
  fs::current_path(scratch_.path());
  file("f", 0600);
  EXPECT_EQ(why("f"), "");
  open_directory(0777);
  EXPECT_NE(why("f").find("its directory " + scratch_.path().string()), std::string::npos);
  EXPECT_EQ(why("missing").empty(), false);
  fs::current_path(before);
}

TEST_F(FileAccessTest, PipesPass) {
  const std::string pipe = scratch_.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  ::chmod(pipe.c_str(), 0666);
  EXPECT_EQ(why(pipe), "");
}

TEST_F(FileAccessTest, OwnFilesHaveTheirModeAtOnce) {
  const std::string path = scratch_.path() / "own";
  const mode_t mask = ::umask(0);
  EXPECT_TRUE(make_own_file(path));
  ::umask(mask);
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  EXPECT_TRUE(make_own_file(file("there", 0640)));
  ASSERT_EQ(::stat((scratch_.path() / "there").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0640U);
  EXPECT_EQ(fs::file_size(scratch_.path() / "there"), 4U);
  EXPECT_FALSE(make_own_file(scratch_.path() / "none" / "own"));
}

TEST_F(FileAccessTest, ReadersAreWarnedOf) {
  EXPECT_EQ(exposure_of_secret(file("f", 0640)), std::nullopt);
  EXPECT_NE(exposure_of_secret(file("f", 0644)).value_or("").find("may read"), std::string::npos);
  EXPECT_NE(exposure_of_secret(file("f", 0660)).value_or("").find("may change"), std::string::npos);
  EXPECT_EQ(exposure_of_shared(file("f", 0660)), std::nullopt);
  EXPECT_NE(exposure_of_shared(file("f", 0664)).value_or("").find("`chmod o-rwx"),
            std::string::npos);
}

}  // namespace
}  // namespace nextid::base
