// Command lines, and programs that behave and misbehave.
#include "aws/subprocess.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "aws_test_support.h"

namespace nextid::aws {
namespace {

using testing::contains;
using testing::eventually;
using testing::what;
using Words = std::vector<std::string>;

constexpr std::chrono::seconds kLong(30);
constexpr std::size_t kLimit = 64 * 1024;

Result<std::string> shell(const std::string& script, std::chrono::milliseconds limit = kLong) {
  return run_process({"sh", "-c", script}, limit, kLimit);
}

bool has_children() { return ::waitpid(-1, nullptr, WNOHANG) >= 0 || errno != ECHILD; }

TEST(CommandLineTest, SplitsAsAShellWould) {
  EXPECT_EQ(split_command_line("  a  b\tc\nd ").value(), (Words{"a", "b", "c", "d"}));
  EXPECT_EQ(split_command_line(R"("a b" 'c d' e"f g"h)").value(), (Words{"a b", "c d", "ef gh"}));
  EXPECT_EQ(split_command_line(R"(a\ b '\n' "\n" "\"" "\\" '' x)").value(),
            (Words{"a b", R"(\n)", R"(\n)", "\"", "\\", "", "x"}));
  EXPECT_EQ(split_command_line("$HOME *;`ls`|x").value(), (Words{"$HOME", "*;`ls`|x"}))
      << "nothing is expanded";
}

TEST(CommandLineTest, RefusesOpenEndsAndNothing) {
  for (const char* line : {"a 'b", "a \"b", "a \\", "\"\\\"", "", "  "}) {
    EXPECT_EQ(split_command_line(line).error().code(), ErrorCode::kInvalid) << line;
  }
}

TEST(SubprocessTest, GivesTheOutputAndNoZombie) {
  EXPECT_EQ(shell("printf 'a\\nb'").value(), "a\nb");
  EXPECT_EQ(run_process({"cat"}, kLong, kLimit).value(), "") << "nothing on standard input";
  EXPECT_FALSE(has_children());
}

TEST(SubprocessTest, AnotherStatusThanZeroIsAnError) {
  EXPECT_TRUE(contains(what(shell("echo x; exit 3")), "status 3"));
  EXPECT_TRUE(contains(what(shell("kill -9 $$")), "signal 9"));
  EXPECT_FALSE(has_children());
}

TEST(SubprocessTest, AMissingProgramIsAnError) {
  const auto output = run_process({"nextid-no-such-program", "SECRET"}, kLong, kLimit);
  EXPECT_TRUE(contains(what(output), "nextid-no-such-program does not start")) << what(output);
  EXPECT_FALSE(contains(what(output), "SECRET"));
  EXPECT_FALSE(has_children());
}

TEST(SubprocessTest, KillsWhatRunsTooLong) {
  const auto start = std::chrono::steady_clock::now();
  // The inner sleep holds the output open, as a helper left behind would.
  const auto output = shell("sleep 300 & sleep 300; echo late", std::chrono::milliseconds(200));
  EXPECT_TRUE(contains(what(output), "was killed")) << what(output);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
  EXPECT_FALSE(has_children());
}

TEST(SubprocessTest, KillsTheWholeProcessGroup) {
  char path[] = "/tmp/nextid-XXXXXX";
  const int fd = ::mkstemp(path);
  ASSERT_GE(fd, 0);
  const auto output = shell(std::string("sleep 300 & echo $! > ") + path + "; wait",
                            std::chrono::milliseconds(500));
  EXPECT_TRUE(output.has_error());
  char text[32] = {};
  ASSERT_GT(::pread(fd, text, sizeof text - 1, 0), 0) << "the shell did not come so far";
  const pid_t grandchild = std::stoi(text);
  // Its parent is dead, so that some other process reaps it.
  EXPECT_TRUE(eventually([&] {
    char state[256] = {};
    const std::string stat = "/proc/" + std::to_string(grandchild) + "/stat";
    const int status = ::open(stat.c_str(), O_RDONLY | O_CLOEXEC);
    if (status < 0) return true;
    const ssize_t got = ::read(status, state, sizeof state - 1);
    ::close(status);
    return got <= 0 || contains(state, ") Z ");
  }));
  ::close(fd);
  ::unlink(path);
}

TEST(SubprocessTest, ClosedOutputDoesNotEndTheTimeLimit) {
  EXPECT_TRUE(
      contains(what(shell("exec >&-; sleep 300", std::chrono::milliseconds(200))), "killed"));
  EXPECT_FALSE(has_children());
}

TEST(SubprocessTest, BoundsTheOutput) {
  const auto output = run_process({"head", "-c", "101", "/dev/zero"}, kLong, 100);
  EXPECT_TRUE(contains(what(output), "more than 100 bytes")) << what(output);
  EXPECT_EQ(run_process({"head", "-c", "100", "/dev/zero"}, kLong, 100).value().size(), 100U);
  EXPECT_TRUE(run_process({"cat", "/dev/zero"}, kLong, 100).has_error());
  EXPECT_FALSE(has_children());
}

TEST(SubprocessTest, PassesOnNoDescriptor) {
  const int leaked = ::open("/dev/null", O_RDONLY);  // Without close-on-exec, as a socket may be.
  ASSERT_GE(leaked, 3);
  const auto output = shell("[ -e /proc/self/fd/" + std::to_string(leaked) + " ] && echo leaked");
  EXPECT_TRUE(output.has_error()) << output.value();
  ::close(leaked);
}

TEST(SubprocessTest, TheChildDoesNotInheritBlockedSignals) {
  sigset_t term;
  sigset_t before;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &term, &before);
  EXPECT_TRUE(contains(what(shell("kill -TERM $$; sleep 300")), "signal 15"));
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace
}  // namespace nextid::aws
