// The DynamoDB that tests talk to: a dynalite of this process's own, or the endpoint that
// NEXTID_TEST_DYNAMODB_ENDPOINT names, with the AWS_* environment.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "aws/dynamodb_client.h"
#include "base/clock.h"
#include "contract/store_driver.h"
#include "store/dynamodb/url.h"

namespace nextid::test {

class DynamodbServer {
 public:
  /// The server of this process, started on first use. Throws std::runtime_error when it can't be.
  static const DynamodbServer& instance();

  store::DynamodbSettings settings(const std::string& table) const;
  base::Environment environment() const;

  /// Opens a store on `table`, which is made when it is missing.
  std::shared_ptr<contract::StoreDriver> open(const std::string& table,
                                              std::function<base::WallMicros()> clock) const;

  /// One call, and its answer; about `table`, unless `request` names another.
  aws::DynamodbReply call(const std::string& table, const std::string& operation,
                          const boost::json::object& request) const;

  /// Removes the table, and that of its records: leaves nothing behind on an endpoint that
  /// outlives the tests.
  void drop(const std::string& table) const;

 private:
  DynamodbServer();

  bool is_users_own_ = false;
  std::string endpoint_;
};

}  // namespace nextid::test
