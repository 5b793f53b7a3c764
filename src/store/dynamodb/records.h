// Idempotency records, in a DynamoDB table beside that of the counters: TABLE_idempotency.
//
//   record_id   S  what the keys of the counter and the scope are kept under (contract::key_space),
//                  "/", and the key; partition key
//   first_id, id_count, increment  N  the ids that the key stands for
//   owner       N  a random number of the request that made the record
//   expires_at  N  seconds since 1970; the attribute of the table's time to live
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <boost/json/object.hpp>

#include "nextid/log.h"

#include "aws/dynamodb_client.h"
#include "base/clock.h"
#include "contract/op.h"
#include "store/dynamodb/records_table.h"
#include "store/dynamodb/url.h"

namespace nextid::store {

/// Thread-safe. Outcomes come from the client's thread. Keeps itself alive until all have come.
///
/// The table is not touched before the first op, so that a node without keyed requests needs
/// neither the table nor a right to it. A Remember is one conditional PutItem. If the service does
/// not send the old item when the condition fails, a consistent GetItem follows.
class DynamodbRecords : public std::enable_shared_from_this<DynamodbRecords> {
 public:
  using WallClock = std::function<base::WallMicros()>;
  using Done = std::function<void(contract::Outcome)>;

  DynamodbRecords(std::shared_ptr<aws::DynamodbClient> client, const DynamodbSettings& settings,
                  Log log, WallClock wall_clock);

  void recall(contract::Recall op, Done done);
  void remember(contract::Remember op, Done done);

  /// How many writes were sent.
  std::uint64_t writes() const noexcept { return writes_; }

 private:
  void call(const char* operation, boost::json::object request,
            std::function<void(aws::DynamodbReply)> done);
  void read(const std::string& id, std::function<void(contract::Outcome)> then);
  contract::Outcome in_force(const std::string& id, const boost::json::object* item) const;
  contract::Outcome failed(const aws::DynamodbReply& reply, contract::Outcome otherwise);

  const std::shared_ptr<aws::DynamodbClient> client_;
  const std::chrono::milliseconds attempt_timeout_;
  const WallClock wall_clock_;
  const std::shared_ptr<DynamodbRecordsTable> table_;
  std::atomic<std::uint64_t> writes_{0};
};

}  // namespace nextid::store
