#include "store/dynamodb/table.h"

#include <algorithm>
#include <future>
#include <optional>
#include <string_view>
#include <thread>

#include <boost/json/array.hpp>

#include "base/cat.h"
#include "base/clock.h"
#include "store/dynamodb/item.h"

namespace nextid::store {
namespace {

using base::cat;

namespace json = boost::json;
using aws::DynamodbClient;
using aws::DynamodbReply;
using base::MonotonicTime;
using Kind = DynamodbReply::Kind;

/// How long a service that does not answer, or throttles, is asked again.
constexpr std::chrono::seconds kPatience{3};
constexpr std::chrono::seconds kTableLimit{60};
constexpr std::chrono::milliseconds kShortestPause{50};
constexpr std::chrono::milliseconds kLongestPause{1'000};

Error error(ErrorCode code, const std::string& why) {
  return Error(code, cat("the DynamoDB store can't be opened: ", why, "."));
}

DynamodbReply call_and_wait(DynamodbClient& client, const std::string& operation,
                            const json::object& request) {
  std::promise<DynamodbReply> promise;
  client.call(operation, request, kTableCallLimit,
              [&promise](DynamodbReply reply) { promise.set_value(std::move(reply)); });
  return promise.get_future().get();
}

/// Longer each time, so that a fleet that starts together does not ask at one rate.
class Pauses {
 public:
  explicit Pauses(MonotonicTime deadline) : deadline_(deadline) {}

  /// False, without a pause, when it would end after the deadline.
  bool pause() {
    if (base::monotonic_now() + next_ > deadline_) return false;
    std::this_thread::sleep_for(next_);
    next_ = std::min(next_ * 2, kLongestPause);
    return true;
  }

 private:
  const MonotonicTime deadline_;
  std::chrono::milliseconds next_ = kShortestPause;
};

/// Repeats what may work a moment later. `was_in_doubt` is set when an attempt before the one that
/// is returned may have been applied.
DynamodbReply call_patiently(DynamodbClient& client, const std::string& operation,
                             const json::object& request, bool& was_in_doubt) {
  Pauses pauses(base::monotonic_now() + kPatience);
  for (;;) {
    DynamodbReply reply = call_and_wait(client, operation, request);
    const bool may_pass = (reply.kind == Kind::kInDoubt && !reply.certificate_refused) ||
                          reply.kind == Kind::kThrottled || reply.credentials_refused;
    if (!may_pass || !pauses.pause()) return reply;
    was_in_doubt = was_in_doubt || reply.kind == Kind::kInDoubt;
  }
}

std::string text_member(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

/// Why the described table can't be ours; empty if it can.
std::string key_problem(const json::object& table) {
  std::string keys;
  const json::value* schema = table.if_contains("KeySchema");
  if (schema != nullptr && schema->is_array()) {
    for (const json::value& key : schema->get_array()) {
      if (!key.is_object()) continue;
      keys += cat(keys.empty() ? "" : ", ", text_member(key.get_object(), "AttributeName"), " (",
                  text_member(key.get_object(), "KeyType"), ")");
    }
  }
  std::string type;
  const json::value* attributes = table.if_contains("AttributeDefinitions");
  if (attributes != nullptr && attributes->is_array()) {
    for (const json::value& attribute : attributes->get_array()) {
      if (!attribute.is_object()) continue;
      if (text_member(attribute.get_object(), "AttributeName") == kKeyAttribute) {
        type = text_member(attribute.get_object(), "AttributeType");
      }
    }
  }
  if (keys == cat(kKeyAttribute, " (HASH)") && type == "S") return "";
  return cat("its key is ", keys, type.empty() ? "" : " of type " + type,
             ", and must be counter_id (HASH) of type S alone; name another table");
}

std::string how_to_create(const DynamodbClient& client) {
  const auto& options = client.options();
  return create_table_command(options.table, options.region, kKeyAttribute);
}

class Table {
 public:
  Table(DynamodbClient& client, bool create, const Log& log)
      : client_(client), create_(create), log_(log) {}

  Result<PreparedTable> prepare() {
    Pauses pauses(base::monotonic_now() + kTableLimit);
    do {
      bool ignored = false;
      const DynamodbReply reply = call_patiently(client_, "DescribeTable", {}, ignored);
      if (reply.kind == Kind::kTableMissing) {
        if (auto made = make(reply.why); !made) return made.error();
        continue;
      }
      if (reply.kind != Kind::kDone) return error(ErrorCode::kUnavailable, reply.why);
      const auto usable = is_usable(reply.body);
      if (!usable) return usable.error();
      if (*usable) return PreparedTable{description_of(reply.body).id, made_};
    } while (pauses.pause());
    return error(ErrorCode::kUnavailable, cat(name(), " was not ready within ", kTableLimit.count(),
                                              " seconds; try again later"));
  }

 private:
  std::string name() const { return cat("table '", client_.options().table, "'"); }

  Result<bool> is_usable(const json::object& body) const {
    const json::value* table = body.if_contains("Table");
    if (table == nullptr || !table->is_object()) {
      return error(ErrorCode::kUnavailable,
                   client_.options().endpoint + " does not answer as DynamoDB does; check it");
    }
    if (const std::string problem = key_problem(table->get_object()); !problem.empty()) {
      return error(ErrorCode::kInvalid, cat(name(), " is not one of counters: ", problem));
    }
    const std::string status = description_of(body).status;
    return status == "ACTIVE" || status == "UPDATING";
  }

  /// Success also when another node was faster, or when it is not known whether it was made: the
  /// next look tells.
  Result<void> make(const std::string& missing) {
    if (!create_) {
      return error(ErrorCode::kInvalid,
                   cat(missing, ", and create=false keeps nextid from making it; make it with: ",
                       how_to_create(client_)));
    }
    if (asked_) return {};  // It may take a moment until it shows.
    bool in_doubt = false;
    const DynamodbReply reply =
        call_patiently(client_, "CreateTable", create_table_request(kKeyAttribute), in_doubt);
    asked_ = true;
    made_ = reply.kind == Kind::kDone || (reply.kind == Kind::kTableInUse && in_doubt);
    if (reply.kind == Kind::kDone && log_) {
      log_(LogLevel::kInfo,
           cat("made ", name(), " in ", client_.options().region,
               ", with on-demand billing; switch its point-in-time recovery on: aws dynamodb "
               "update-continuous-backups --table-name ",
               client_.options().table, " --region ", client_.options().region,
               " --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true"));
    }
    if (reply.kind == Kind::kDone || reply.kind == Kind::kTableInUse) return {};
    return error(ErrorCode::kUnavailable, cat(missing, ", and it can't be made: ", reply.why,
                                              "; or make it with: ", how_to_create(client_)));
  }

  DynamodbClient& client_;
  const bool create_;
  const Log& log_;
  bool asked_ = false;
  bool made_ = false;
};

}  // namespace

Result<PreparedTable> prepare_table(aws::DynamodbClient& client, bool create, const Log& log) {
  return Table(client, create, log).prepare();
}

bool is_table_missing(aws::DynamodbClient& client) {
  bool ignored = false;
  return call_patiently(client, "DescribeTable", {}, ignored).kind == Kind::kTableMissing;
}

TableDescription description_of(const json::object& answer) {
  const json::value* table = answer.if_contains("Table");
  if (table == nullptr || !table->is_object()) return {};
  return {text_member(table->get_object(), "TableId"),
          text_member(table->get_object(), "TableStatus")};
}

json::object create_table_request(const std::string& key_attribute) {
  return {{"AttributeDefinitions",
           json::array{json::object{{"AttributeName", key_attribute}, {"AttributeType", "S"}}}},
          {"KeySchema",
           json::array{json::object{{"AttributeName", key_attribute}, {"KeyType", "HASH"}}}},
          {"BillingMode", "PAY_PER_REQUEST"}};
}

std::string create_table_command(const std::string& table, const std::string& region,
                                 const std::string& key_attribute) {
  return cat("aws dynamodb create-table --table-name ", table, " --region ", region,
             " --attribute-definitions AttributeName=", key_attribute,
             ",AttributeType=S --key-schema AttributeName=", key_attribute,
             ",KeyType=HASH --billing-mode PAY_PER_REQUEST");
}

}  // namespace nextid::store
