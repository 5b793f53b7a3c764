#include "store/dynamodb/records_table.h"

#include <chrono>
#include <string_view>
#include <utility>

#include <boost/json/object.hpp>

#include "base/cat.h"
#include "store/dynamodb/table.h"

namespace nextid::store {
namespace {

using base::cat;

namespace json = boost::json;
using aws::DynamodbReply;
using Kind = DynamodbReply::Kind;

/// DynamoDB takes few calls a second that make tables, and a table takes some ten seconds.
constexpr std::chrono::seconds kBetweenCreates{1};

/// Another node was faster. DynamoDB has no error of its own for it.
bool is_enabled_already(const DynamodbReply& reply) {
  return reply.why.find("already enabled") != std::string_view::npos;
}

}  // namespace

DynamodbRecordsTable::DynamodbRecordsTable(std::shared_ptr<aws::DynamodbClient> client, bool create,
                                           Log log)
    : client_(std::move(client)),
      create_(create),
      log_(std::move(log)),
      name_(client_->options().table + kRecordsSuffix) {}

std::string DynamodbRecordsTable::missing(const std::string& why) {
  if (!create_) {
    return cat(why,
               ", and create=false keeps nextid from making it; make it with: ", how_to_create(),
               "; and when it is ACTIVE: ", how_to_enable_time_to_live());
  }
  if (!creating_ && base::monotonic_now() >= next_create_) create();
  if (trouble_.empty()) return cat("the table '", name_, "' for idempotency records is being made");
  return cat(why, ", and it can't be made: ", trouble_, "; or make it with: ", how_to_create());
}

void DynamodbRecordsTable::create() {
  creating_ = true;
  next_create_ = base::monotonic_now() + kBetweenCreates;
  json::object request = create_table_request(kRecordKeyAttribute);
  request["TableName"] = name_;
  client_->call("CreateTable", std::move(request), kTableCallLimit,
                [self = shared_from_this()](const DynamodbReply& reply) { self->created(reply); });
}

void DynamodbRecordsTable::created(const DynamodbReply& reply) {
  creating_ = false;
  trouble_ = reply.kind == Kind::kDone || reply.kind == Kind::kTableInUse ? "" : reply.why;
  // In use: being made, by another node or by an earlier call whose answer was lost.
  is_ours_ = is_ours_ || trouble_.empty() || reply.kind == Kind::kInDoubt;
  if (reply.kind != Kind::kDone || !log_) return;
  log_(LogLevel::kInfo, cat("made table '", name_, "' in ", client_->options().region,
                            " for idempotency records, with on-demand billing"));
}

void DynamodbRecordsTable::answered() {
  if (std::exchange(is_ours_, false)) enable_time_to_live();
}

void DynamodbRecordsTable::enable_time_to_live() {
  json::object request{
      {"TableName", name_},
      {"TimeToLiveSpecification", {{"AttributeName", kExpiryAttribute}, {"Enabled", true}}}};
  client_->call("UpdateTimeToLive", std::move(request), kTableCallLimit,
                [self = shared_from_this()](const DynamodbReply& reply) {
                  if (reply.kind == Kind::kDone || is_enabled_already(reply) || !self->log_) return;
                  self->log_(
                      LogLevel::kWarning,
                      cat("the time to live of table '", self->name_,
                          "' is not switched on, so that records that are over stay there: ",
                          reply.why, "; switch it on with: ", self->how_to_enable_time_to_live()));
                });
}

std::string DynamodbRecordsTable::how_to_create() const {
  return create_table_command(name_, client_->options().region, kRecordKeyAttribute);
}

std::string DynamodbRecordsTable::how_to_enable_time_to_live() const {
  return cat("aws dynamodb update-time-to-live --table-name ", name_, " --region ",
             client_->options().region,
             " --time-to-live-specification Enabled=true,AttributeName=", kExpiryAttribute);
}

}  // namespace nextid::store
