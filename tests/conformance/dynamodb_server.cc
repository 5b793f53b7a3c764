#include "conformance/dynamodb_server.h"

#include <cstdlib>
#include <future>
#include <optional>
#include <string_view>
#include <utility>

#include "conformance/started_server.h"
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

}  // namespace

const DynamodbServer& DynamodbServer::instance() {
  static const DynamodbServer server;
  return server;
}

DynamodbServer::DynamodbServer() {
  const char* users_own = std::getenv("NEXTID_TEST_DYNAMODB_ENDPOINT");
  is_users_own_ = users_own != nullptr && *users_own != '\0';
  endpoint_ = is_users_own_
                  ? users_own
                  : start_server({"node", NEXTID_DYNALITE}, "script/setup --test installs it");
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
