#include "conformance/started_server.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <spawn.h>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <unistd.h>

namespace nextid::test {
namespace {

void check(int error, const std::string& what) {
  if (error != 0) throw std::system_error(error, std::generic_category(), what);
}

}  // namespace

std::string start_server(std::vector<std::string> words, const std::string& install) {
  int input[2];
  int output[2];
  check(::pipe2(input, O_CLOEXEC) == 0 ? 0 : errno, "pipe");
  check(::pipe2(output, O_CLOEXEC) == 0 ? 0 : errno, "pipe");
  posix_spawn_file_actions_t actions;
  check(::posix_spawn_file_actions_init(&actions), "posix_spawn_file_actions_init");
  check(::posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO), "dup2");
  check(::posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO), "dup2");
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t pid = 0;
  check(::posix_spawnp(&pid, arguments.front(), &actions, nullptr, arguments.data(), environ),
        words.front() + " can't be started; " + install);
  ::posix_spawn_file_actions_destroy(&actions);
  // The other ends stay open as long as this process.
  ::close(input[0]);
  ::close(output[1]);

  std::string line;
  char next = 0;
  while (::read(output[0], &next, 1) == 1 && next != '\n') line += next;
  constexpr std::string_view kPrefix = "listening on ";
  if (!line.starts_with(kPrefix)) {
    throw std::runtime_error(words.back() + " did not start; " + install + ": " + line);
  }
  return line.substr(kPrefix.size());
}

std::string start_database(const std::string& kind, const char* variable) {
  const char* users_own = std::getenv(variable);
  if (users_own != nullptr && *users_own != '\0') return users_own;
  return start_server({"/usr/bin/python3", NEXTID_SERVE, kind}, "script/setup --test installs it");
}

}  // namespace nextid::test
