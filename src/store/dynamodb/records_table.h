// The table of the idempotency records: made when it is first needed.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "nextid/log.h"

#include "aws/dynamodb_client.h"
#include "base/clock.h"

namespace nextid::store {

inline constexpr const char* kRecordsSuffix = "_idempotency";
inline constexpr const char* kRecordKeyAttribute = "record_id";
inline constexpr const char* kExpiryAttribute = "expires_at";

/// Never blocks, and has no lock: all but name() is for the client's thread. Several nodes may make
/// the table at the same time.
class DynamodbRecordsTable : public std::enable_shared_from_this<DynamodbRecordsTable> {
 public:
  /// The table is that of `client` with kRecordsSuffix; it is made only if `create` is true.
  DynamodbRecordsTable(std::shared_ptr<aws::DynamodbClient> client, bool create, Log log);

  const std::string& name() const noexcept { return name_; }

  /// A request found no table, or one that is still being made; `why` says so. Sends CreateTable,
  /// with on-demand billing, unless that was done within a second. Returns what to tell the
  /// request, without a full stop.
  std::string missing(const std::string& why);

  /// A request was answered by the table. If it was made here, its time to live is switched on: it
  /// removes expired records, which readers ignore anyway.
  void answered();

 private:
  void create();
  void created(const aws::DynamodbReply& reply);
  void enable_time_to_live();
  std::string how_to_create() const;
  std::string how_to_enable_time_to_live() const;

  const std::shared_ptr<aws::DynamodbClient> client_;
  const bool create_;
  const Log log_;
  const std::string name_;
  base::MonotonicTime next_create_{};
  std::string trouble_;    ///< Why the last CreateTable failed; empty when it did not.
  bool is_ours_ = false;   ///< A CreateTable of this process may have made it.
  bool creating_ = false;  ///< CreateTable was sent and not answered.
};

}  // namespace nextid::store
