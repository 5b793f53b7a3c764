// Counters in a DynamoDB table, or any server that speaks its API: shared by many machines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nextid/error.h"
#include "nextid/log.h"

#include "base/clock.h"
#include "base/fork.h"
#include "base/process_environment.h"
#include "contract/store_driver.h"
#include "store/dynamodb/url.h"

namespace nextid::store {

/// Each op is one conditional UpdateItem on the counter's item (requests.h), strict in its effect
/// whatever is lost, repeated or late on the way: I1, I2, I7 rest on its condition. If the service
/// does not send the old item when the condition fails, a consistent GetItem follows. A GetItem
/// also precedes each GiveBack, since no condition can tell where a counter starts.
///
/// Idempotency records are in a second table, made when it is first needed (records.h).
///
/// It looks at the table every few seconds, and lets out only outcomes of the table that was opened
/// (identity.h). If the table turns out to be another one, each op is Damaged from then on, without
/// a call, and health() says why (I8).
///
/// Outcomes come from the store's own thread. Never blocks but in open() and the destructor. Each
/// call to DynamoDB takes at most DynamodbSettings::attempt_timeout. An op nearly always takes one;
/// a Load that prunes takes up to nine, and an outcome may wait for two looks at the table, of 2 s
/// at most.
class DynamodbStore final : public contract::StoreDriver {
 public:
  using WallClock = std::function<base::WallMicros()>;

  /// Finds region, endpoint and credentials, looks at the table, and makes it when it is missing.
  /// Blocks for seconds at worst, a minute when the table is being made. Errors: kInvalid (no
  /// region, a bad URL, a table with other keys, no table and create=false), kUnavailable (no
  /// credentials, access denied, unreachable, throttled).
  static Result<std::shared_ptr<DynamodbStore>> open(
      const DynamodbSettings& settings, Log log, WallClock wall_clock = &base::wall_now_us,
      base::Environment environment = &base::process_environment);

  /// Whether DynamoDB says that there is no such table. Blocks as open() does where there is one.
  static bool is_missing(const DynamodbSettings& settings,
                         base::Environment environment = &base::process_environment);

  /// Waits for what was submitted, at most for a few time limits. May be called from a `done`. In a
  /// forked child it does nothing.
  ~DynamodbStore() override;

  void submit(std::vector<contract::Call> calls) override;
  /// Reads the whole table for each page, in pages of 1 MB: a Scan is in no order.
  void list(const contract::PageWanted& wanted,
            std::function<void(Result<CounterPage>)> done) override;
  const StoreOpening& opening() const noexcept override { return opening_; }
  std::uint64_t commits() const noexcept override;
  StoreHealth health() const override;

 private:
  class Impl;
  DynamodbStore(StoreOpening opening, std::shared_ptr<Impl> impl)
      : opening_(std::move(opening)), impl_(std::move(impl)) {}

  const base::ForkGuard fork_guard_;
  const StoreOpening opening_;
  std::shared_ptr<Impl> impl_;
};

}  // namespace nextid::store
