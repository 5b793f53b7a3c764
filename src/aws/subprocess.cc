#include "aws/subprocess.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cat.h"
#include "base/clock.h"
#include "base/descriptor.h"

extern char** environ;

namespace nextid::aws {
namespace {

using base::cat;

constexpr std::chrono::milliseconds kExitPollInterval(5);

Error failed(const std::string& clause) { return {ErrorCode::kUnavailable, clause}; }

class CommandLine {
 public:
  explicit CommandLine(std::string_view line) : rest_(line) {}

  Result<std::vector<std::string>> split() {
    std::vector<std::string> words;
    for (skip_blanks(); !rest_.empty(); skip_blanks()) {
      std::string word;
      while (!rest_.empty() && kBlanks.find(rest_.front()) == std::string_view::npos) {
        if (!take_part(word)) {
          return Error(ErrorCode::kInvalid, "a quote or a backslash in it has no end");
        }
      }
      words.push_back(std::move(word));
    }
    if (words.empty()) return Error(ErrorCode::kInvalid, "it names no program");
    return words;
  }

 private:
  static constexpr std::string_view kBlanks = " \t\r\n";

  void skip_blanks() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(kBlanks), rest_.size()));
  }

  bool take_part(std::string& word) {
    const char first = rest_.front();
    if (first == '"' || first == '\'') return take_quoted(word);
    if (first == '\\') rest_.remove_prefix(1);
    if (rest_.empty()) return false;
    word += rest_.front();
    rest_.remove_prefix(1);
    return true;
  }

  bool take_quoted(std::string& word) {
    const char quote = rest_.front();
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == quote) {
        rest_.remove_prefix(i + 1);
        return true;
      }
      const bool escapes = quote == '"' && rest_[i] == '\\' && i + 1 < rest_.size() &&
                           (rest_[i + 1] == '"' || rest_[i + 1] == '\\');
      if (escapes) ++i;
      word += rest_[i];
    }
    return false;
  }

  std::string_view rest_;
};

class Pipe {
 public:
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return;
    read_end_ = base::Descriptor(ends[0]);
    write_end_ = base::Descriptor(ends[1]);
  }

  bool is_open() const noexcept { return read_end_.is_open(); }
  int read_end() const noexcept { return read_end_.descriptor(); }
  int write_end() const noexcept { return write_end_.descriptor(); }
  void close_write_end() noexcept { write_end_.close(); }

 private:
  base::Descriptor read_end_;
  base::Descriptor write_end_;
};

/// What the child's descriptors, signals and process group are to be.
class SpawnSetup {
 public:
  explicit SpawnSetup(int output) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    // In this order, as `output` is 0 in a program that closed its standard input.
    worked_ = posix_spawn_file_actions_adddup2(&actions_, output, 1) == 0 &&
              posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0) == 0 &&
              posix_spawn_file_actions_addclosefrom_np(&actions_, 3) == 0 &&
              // Else the child would inherit the signals that this program blocks or ignores.
              posix_spawnattr_setsigmask(&attributes_, &none) == 0 &&
              posix_spawnattr_setsigdefault(&attributes_, &all) == 0 &&
              posix_spawnattr_setpgroup(&attributes_, 0) == 0 &&
              posix_spawnattr_setflags(&attributes_, kFlags) == 0;
  }
  ~SpawnSetup() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&actions_);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;

  bool worked() const noexcept { return worked_; }
  /// 0 or an errno.
  int spawn(const std::vector<std::string>& words, pid_t& pid) const {
    std::vector<char*> arguments;
    for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    return posix_spawnp(&pid, arguments[0], &actions_, &attributes_, arguments.data(), environ);
  }

 private:
  static constexpr short kFlags =
      POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP;
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
  bool worked_ = false;
};

/// A child that is always waited for: the destructor kills its process group if it still runs.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  ~Child() {
    if (ended_) return;
    ::kill(-pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// The status as waitpid gives it; none if it still runs at `deadline`.
  std::optional<int> wait_until(base::MonotonicTime deadline) {
    for (;;) {
      int status = 0;
      const pid_t got = ::waitpid(pid_, &status, WNOHANG);
      // Where the program ignores SIGCHLD, the status is lost; then the output decides.
      ended_ = got == pid_ || (got < 0 && errno == ECHILD);
      if (ended_) return got == pid_ ? status : 0;
      if (base::monotonic_now() >= deadline) return std::nullopt;
      ::poll(nullptr, 0, static_cast<int>(kExitPollInterval.count()));
    }
  }

 private:
  const pid_t pid_;
  bool ended_ = false;
};

std::string too_long(std::chrono::milliseconds time_limit) {
  return cat("it still ran after ", time_limit.count() / 1000, " s and was killed");
}

// True when there is something to read, or the end of it.
bool wait_readable(int fd, base::MonotonicTime deadline) {
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - base::monotonic_now());
    if (left.count() <= 0) return false;
    pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
    if (::poll(&entry, 1, static_cast<int>(left.count()) + 1) > 0) return true;
  }
}

Result<std::string> read_output(int fd, base::MonotonicTime deadline, std::size_t limit_bytes,
                                const std::string& on_time_out) {
  std::string output;
  std::array<char, 4096> buffer{};
  while (wait_readable(fd, deadline)) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got == 0) return output;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(cat("its output can't be read: ", std::strerror(errno)));
    output.append(buffer.data(), static_cast<std::size_t>(got));
    if (output.size() > limit_bytes) {
      return failed(cat("it printed more than ", limit_bytes, " bytes"));
    }
  }
  return failed(on_time_out);
}

}  // namespace

Result<std::vector<std::string>> split_command_line(std::string_view line) {
  return CommandLine(line).split();
}

Result<std::string> run_process(const std::vector<std::string>& words,
                                std::chrono::milliseconds time_limit, std::size_t limit_bytes) {
  const base::MonotonicTime deadline = base::monotonic_now() + time_limit;
  Pipe pipe;
  if (!pipe.is_open()) return failed(cat("no pipe: ", std::strerror(errno)));
  const SpawnSetup setup(pipe.write_end());
  pid_t pid = 0;
  const int error = setup.worked() ? setup.spawn(words, pid) : ENOMEM;
  if (error != 0) return failed(cat(words.front(), " does not start: ", std::strerror(error)));
  Child child(pid);
  pipe.close_write_end();

  auto output = read_output(pipe.read_end(), deadline, limit_bytes, too_long(time_limit));
  if (output.has_error()) return output;
  const auto status = child.wait_until(deadline);
  if (!status) return failed(too_long(time_limit));
  if (WIFSIGNALED(*status)) {
    return failed(cat("it was ended by signal ", WTERMSIG(*status)));
  }
  if (WEXITSTATUS(*status) != 0) {
    return failed(cat("it ended with status ", WEXITSTATUS(*status)));
  }
  return output;
}

}  // namespace nextid::aws
