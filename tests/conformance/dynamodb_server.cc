#include "conformance/dynamodb_server.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <future>
#include <optional>
#include <spawn.h>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "store/dynamodb/records_table.h"
#include "store/dynamodb/store.h"

namespace nextid::test {
namespace {

constexpr std::chrono::milliseconds kCallLimit{5'000};

std::optional<std::string> dynalite_environment(const char* name) {
  const std::string_view wanted(name);
  if (wanted == "AWS_ACCESS_KEY_ID") return "test";
  if (wanted == "AWS_SECRET_ACCESS_KEY") return "test";
  if (wanted == "AWS_REGION") return "us-east-1";
  return std::nullopt;
}

void check(int error, const char* what) {
  if (error != 0) throw std::system_error(error, std::generic_category(), what);
}

/// Starts dynalite, which ends when this process does: then nobody holds its input open any more.
/// Returns where it listens.
std::string start_dynalite() {
  int input[2];
  int output[2];
  check(::pipe2(input, O_CLOEXEC) == 0 ? 0 : errno, "pipe");
  check(::pipe2(output, O_CLOEXEC) == 0 ? 0 : errno, "pipe");
  posix_spawn_file_actions_t actions;
  check(::posix_spawn_file_actions_init(&actions), "posix_spawn_file_actions_init");
  check(::posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO), "dup2");
  check(::posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO), "dup2");
  std::string node = "node";
  std::string script = NEXTID_DYNALITE;
  std::array<char*, 3> arguments{node.data(), script.data(), nullptr};
  pid_t pid = 0;
  check(::posix_spawnp(&pid, "node", &actions, nullptr, arguments.data(), environ),
        "node can't be started; script/setup --test installs it");
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(input[0]);
  ::close(output[1]);

  std::string line;
  char next = 0;
  while (::read(output[0], &next, 1) == 1 && next != '\n') line += next;
  constexpr std::string_view kPrefix = "listening on ";
  if (!line.starts_with(kPrefix)) {
    throw std::runtime_error("dynalite did not start; script/setup --test installs it: " + line);
  }
  return line.substr(kPrefix.size());
}

}  // namespace

const DynamodbServer& DynamodbServer::instance() {
  static const DynamodbServer server;
  return server;
}

DynamodbServer::DynamodbServer() {
  const char* users_own = std::getenv("NEXTID_TEST_DYNAMODB_ENDPOINT");
  is_users_own_ = users_own != nullptr && *users_own != '\0';
  endpoint_ = is_users_own_ ? users_own : start_dynalite();
}

store::DynamodbSettings DynamodbServer::settings(const std::string& table) const {
  store::DynamodbSettings settings;
  settings.table = table;
  settings.endpoint = endpoint_;
  // The tests of stores expect an answer; those of faults set their own limit.
  settings.attempt_timeout = kCallLimit;
  return settings;
}

base::Environment DynamodbServer::environment() const {
  return is_users_own_ ? &base::process_environment : &dynalite_environment;
}

std::shared_ptr<contract::StoreDriver> DynamodbServer::open(
    const std::string& table, std::function<base::WallMicros()> clock) const {
  return store::DynamodbStore::open(settings(table), {}, std::move(clock), environment()).value();
}

aws::DynamodbReply DynamodbServer::call(const std::string& table, const std::string& operation,
                                        const boost::json::object& request) const {
  const auto client = aws::DynamodbClient::open({.table = table,
                                                 .region = {},
                                                 .endpoint = endpoint_,
                                                 .profile = {},
                                                 .ca_file = {},
                                                 .environment = environment(),
                                                 .warn = {}})
                          .value();
  std::promise<aws::DynamodbReply> promise;
  client->call(operation, request, kCallLimit,
               [&promise](aws::DynamodbReply reply) { promise.set_value(std::move(reply)); });
  return promise.get_future().get();
}

void DynamodbServer::drop(const std::string& table) const {
  if (!is_users_own_) return;
  call(table, "DeleteTable", {});
  call(table + store::kRecordsSuffix, "DeleteTable", {});
}

}  // namespace nextid::test
