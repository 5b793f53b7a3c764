// Stands between a store and the tests' DynamoDB: remembers what is asked, and answers in its place
// when a test says so.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "aws/dynamodb_reply.h"
#include "conformance/dynamodb_server.h"
#include "store/dynamodb/store.h"

namespace nextid::test {

struct SentRequest {
  std::string operation;
  boost::json::object body;

  std::string table() const;
  /// A text member of the body; empty when there is none.
  std::string text(std::string_view name) const;
};

struct TapReply {
  unsigned status = 200;
  std::string body = {};
};

class DynamodbTap {
 public:
  /// An answer in place of DynamoDB's, or nothing, and the request is passed on. Called for one
  /// request at a time, on the tap's thread.
  using Answer = std::function<std::optional<TapReply>(const SentRequest&)>;

  /// `sends_old_items`: whether ReturnValuesOnConditionCheckFailure works, whatever the service is.
  explicit DynamodbTap(const DynamodbServer& server, bool sends_old_items = true);
  ~DynamodbTap();

  /// A store behind it.
  std::shared_ptr<contract::StoreDriver> open(store::DynamodbSettings settings, Log log,
                                              std::function<base::WallMicros()> clock) const;

  void answer(Answer answer);
  /// The requests so far, in their order: those of one operation, or all but DescribeTable, which a
  /// store sends at times of its own.
  std::vector<SentRequest> requests(std::string_view operation = "") const;
  /// Their operations.
  std::vector<std::string> operations() const;
  void forget();

  /// The service's answer to a copy of an earlier request.
  aws::DynamodbReply repeat(const SentRequest& request) const;

  /// An error answer, as DynamoDB names it.
  static TapReply error(const std::string& name, const std::string& message = "",
                        unsigned status = 400);

 private:
  class Http;

  TapReply serve(const SentRequest& request);
  TapReply pass_on(const SentRequest& request) const;

  const DynamodbServer& server_;
  const bool sends_old_items_;
  mutable std::mutex mutex_;
  Answer answer_;
  std::vector<SentRequest> requests_;
  std::unique_ptr<Http> http_;
};

}  // namespace nextid::test
