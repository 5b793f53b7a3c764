#include "conformance/dynamodb_tap.h"

#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "unit/aws/local_http_server.h"

namespace nextid::test {
namespace {

namespace json = boost::json;
using Kind = aws::DynamodbReply::Kind;

TapReply error_reply(const std::string& name, const std::string& message, unsigned status,
                     json::object more = {}) {
  more["__type"] = "com.amazonaws.dynamodb.v20120810#" + name;
  more["message"] = message;
  return {.status = status, .body = json::serialize(more)};
}

SentRequest parse_call(const testing::HttpCall& call) {
  const std::string target(call["x-amz-target"]);
  return {target.substr(target.find('.') + 1), json::parse(call.body()).as_object()};
}

/// The key of what a write was about.
json::object key_of(const SentRequest& request) {
  if (request.body.contains("Key")) return request.body.at("Key").as_object();
  return {{"record_id", request.body.at("Item").at("record_id")}};
}

}  // namespace

std::string SentRequest::table() const { return text("TableName"); }

std::string SentRequest::text(std::string_view name) const {
  const json::value* value = body.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

class DynamodbTap::Http {
 public:
  explicit Http(DynamodbTap& tap)
      : server_([&tap](const testing::HttpCall& call) -> testing::HttpReply {
          TapReply reply = tap.serve(parse_call(call));
          return {.status = reply.status, .body = std::move(reply.body)};
        }) {}

  std::string url() const { return server_.url(); }

 private:
  testing::LocalHttpServer server_;
};

DynamodbTap::DynamodbTap(const DynamodbServer& server, bool sends_old_items)
    : server_(server), sends_old_items_(sends_old_items), http_(std::make_unique<Http>(*this)) {}

DynamodbTap::~DynamodbTap() = default;

std::shared_ptr<contract::StoreDriver> DynamodbTap::open(
    store::DynamodbSettings settings, Log log, std::function<base::WallMicros()> clock) const {
  settings.endpoint = http_->url();
  return store::DynamodbStore::open(settings, std::move(log), std::move(clock),
                                    server_.environment())
      .value();
}

void DynamodbTap::answer(Answer answer) {
  const std::lock_guard lock(mutex_);
  answer_ = std::move(answer);
}

std::vector<SentRequest> DynamodbTap::requests(std::string_view operation) const {
  const std::lock_guard lock(mutex_);
  std::vector<SentRequest> chosen;
  for (const SentRequest& request : requests_) {
    const bool wanted =
        operation.empty() ? request.operation != "DescribeTable" : request.operation == operation;
    if (wanted) chosen.push_back(request);
  }
  return chosen;
}

std::vector<std::string> DynamodbTap::operations() const {
  std::vector<std::string> names;
  for (const SentRequest& request : requests()) names.push_back(request.operation);
  return names;
}

void DynamodbTap::forget() {
  const std::lock_guard lock(mutex_);
  requests_.clear();
}

aws::DynamodbReply DynamodbTap::repeat(const SentRequest& request) const {
  return server_.call(request.table(), request.operation, request.body);
}

TapReply DynamodbTap::error(const std::string& name, const std::string& message, unsigned status) {
  return error_reply(name, message, status);
}

TapReply DynamodbTap::serve(const SentRequest& request) {
  Answer answer;
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
    answer = answer_;
  }
  std::optional<TapReply> chosen;
  if (answer) chosen = answer(request);
  return chosen ? *std::move(chosen) : pass_on(request);
}

TapReply DynamodbTap::pass_on(const SentRequest& request) const {
  const aws::DynamodbReply reply = repeat(request);
  switch (reply.kind) {
    case Kind::kDone:
      return {.body = json::serialize(reply.body)};
    case Kind::kConditionFailed: {
      if (!sends_old_items_ || !request.body.contains("ReturnValuesOnConditionCheckFailure")) {
        return error("ConditionalCheckFailedException");
      }
      const json::object get{{"Key", key_of(request)}, {"ConsistentRead", true}};
      return error_reply("ConditionalCheckFailedException", "", 400,
                         server_.call(request.table(), "GetItem", get).body);
    }
    case Kind::kTableMissing:
      return error("ResourceNotFoundException");
    case Kind::kTableInUse:
      return error("ResourceInUseException");
    case Kind::kNotApplied:
      return error("ValidationException", reply.why);
    case Kind::kThrottled:
    case Kind::kInDoubt:
      break;
  }
  return error("InternalServerError", reply.why, 500);
}

}  // namespace nextid::test
