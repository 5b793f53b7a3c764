// Counters in a PostgreSQL database: shared by many machines.
#pragma once

#include <chrono>
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
#include "contract/store_driver.h"
#include "store/common/commit_lanes.h"
#include "store/postgres/committer.h"
#include "store/postgres/url.h"

namespace nextid::store {

/// What waits together is one transaction, on one of four connections (store/common/commit_lanes.h,
/// committer.h). A Reserve is one conditional UPDATE: I1, I2, I7 rest on its condition, and on
/// READ COMMITTED, which looks at it again in the newest version of the row.
///
/// Durability (I2): an outcome leaves after its COMMIT has been acknowledged, in sessions with
/// synchronous_commit = on, by a server with fsync = on; others are refused. A commit about which
/// the server warns, as when the wait for a synchronous standby was cancelled, is in doubt, and so
/// is one whose connection broke. Which errors leave no doubt is the table in failure.cc.
///
/// Outcomes come from the store's own threads. Never blocks but in open() and the destructor. Each
/// wait for the server ends within PostgresSettings::attempt_timeout, and an attempt within
/// PostgresCommitter::kAttempts of them, and one more where it waited for others' commits.
class PostgresStore final : public contract::StoreDriver {
 public:
  using WallClock = std::function<base::WallMicros()>;

  /// See open_postgres(). Warns in the log about what the store's durability depends on.
  static Result<std::shared_ptr<PostgresStore>> open(const PostgresSettings& settings, Log log,
                                                     WallClock wall_clock = &base::wall_now_us);

  /// Waits for what was submitted. May be called from a `done`. In a forked child it does nothing.
  ~PostgresStore() override;

  void submit(std::vector<contract::Call> calls) override;
  void list(const contract::PageWanted& wanted,
            std::function<void(Result<CounterPage>)> done) override;
  const StoreOpening& opening() const noexcept override { return opening_; }
  std::uint64_t commits() const noexcept override;
  StoreHealth health() const override;

 private:
  PostgresStore(StoreOpening opening, std::shared_ptr<PostgresShared> shared,
                std::shared_ptr<CommitLanes> lanes)
      : opening_(std::move(opening)), shared_(std::move(shared)), lanes_(std::move(lanes)) {}

  const base::ForkGuard fork_guard_;
  const StoreOpening opening_;
  const std::shared_ptr<PostgresShared> shared_;
  std::shared_ptr<CommitLanes> lanes_;
};

}  // namespace nextid::store
