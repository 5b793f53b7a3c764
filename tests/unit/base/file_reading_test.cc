#include "base/file_reading.h"

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <vector>

#include <gtest/gtest.h>

#include "base/descriptor.h"
#include "base/spare_descriptors.h"
#include "unit/base/sanitizer.h"
#include "unit/node/scratch_dir.h"

namespace nextid::base {
namespace {

class FileReadingTest : public ::testing::Test {
 protected:
  std::string why_not(const std::string& path, std::size_t limit = 100) const {
    const auto text = read_file(path, limit);
    return text ? "" : text.error().what();
  }

  const testing::ScratchDir scratch_;
  const std::string path_ = scratch_.path() / "file";
};

TEST_F(FileReadingTest, ReadsAllBytesUpToTheLimit) {
  const std::string bytes("a\0\n\xff", 4);
  std::ofstream(path_, std::ios::binary) << bytes;
  EXPECT_EQ(read_file(path_, 4).value(), bytes);
  EXPECT_EQ(why_not(path_, 3), "it exceeds 3 bytes");
  std::ofstream(path_, std::ios::binary) << std::string(10'000, 'x');
  EXPECT_EQ(read_file(path_, 10'000).value(), std::string(10'000, 'x'));
  EXPECT_EQ(why_not(path_, 9'999), "it exceeds 9999 bytes");
}

TEST_F(FileReadingTest, AMissingFileIsNone) {
  EXPECT_EQ(read_file(path_, 100).value(), std::nullopt);
  std::ofstream(path_) << "x";
  EXPECT_EQ(read_file(path_ + "/below", 100).value(), std::nullopt);
}

TEST_F(FileReadingTest, WhatIsNoRegularFileIsRefusedAtOnce) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(why_not(path_), "it is no regular file");
  const Descriptor writer(::open(path_.c_str(), O_RDWR));  // With somebody at its other end, too.
  EXPECT_EQ(why_not(path_), "it is no regular file");
  EXPECT_EQ(why_not(scratch_.path()), "Is a directory");
  EXPECT_EQ(why_not("/dev/zero"), "it is no regular file");

  const Descriptor listening(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string socket = scratch_.path() / "socket";
  socket.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listening.descriptor(), reinterpret_cast<sockaddr*>(&address), sizeof address),
            0);
  EXPECT_EQ(why_not(socket), "it is no regular file");
}

TEST_F(FileReadingTest, TheNullDeviceIsAnEmptyFile) {
  EXPECT_EQ(read_file("/dev/null", 100).value(), "");
}

// All that the process may have, for the life of this.
class UsedUp {
 public:
  UsedUp() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit low{64, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &low);
    take();
  }
  ~UsedUp() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  UsedUp(const UsedUp&) = delete;
  UsedUp& operator=(const UsedUp&) = delete;

  void take() {
    for (;;) {
      Descriptor one(::open("/", O_PATH | O_CLOEXEC));
      if (!one.is_open()) return;
      taken_.push_back(std::move(one));
    }
  }

 private:
  rlimit before_{};
  std::vector<Descriptor> taken_;
};

TEST_F(FileReadingTest, SparesAreForAFileWhenAllOthersAreUsedUp) {
  if (testing::kAddressSanitizer) {
    GTEST_SKIP() << "not run: the sanitizers need a descriptor of their own";
  }
  std::ofstream(path_) << "x";
  SpareDescriptors spares(2);
  UsedUp used_up;
  EXPECT_EQ(why_not(path_), "Too many open files");
  for (int i = 0; i < 3; ++i) {
    const SpareDescriptors::Lent lent(spares);
    EXPECT_EQ(read_file(path_, 100).value(), "x");
  }
  used_up.take();  // They were taken again, so that nobody else has them.
  EXPECT_EQ(why_not(path_), "Too many open files");
  {
    const SpareDescriptors::Lent lent(spares);
    EXPECT_EQ(why_not(path_), "");
  }
}

}  // namespace
}  // namespace nextid::base
