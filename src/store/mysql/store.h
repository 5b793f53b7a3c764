// Counters in tables of a MySQL or MariaDB server: shared by many machines.
#pragma once

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
#include "store/mysql/session.h"
#include "store/mysql/url.h"

namespace nextid::store {

/// Group commit on four connections (committer.h), each with a thread of the store's own, so
/// nothing blocks but open() and the destructor.
///
/// Durability (I2) is the server's: it is refused where it says that it does not flush each commit
/// (server_facts.h), and an outcome leaves after the COMMIT's answer. That of a commit whose
/// connection broke, or that took longer than attempt_timeout, is in doubt, and so is one that
/// no replica acknowledged where the server waits for one.
///
/// An attempt takes nearly always one or two round trips, of attempt_timeout at most each; with new
/// connections, and rows that others keep locked, three rounds of them: about twenty times
/// attempt_timeout at worst.
///
/// The store's row is read at each new connection, and with each op but a Reserve. If it is another
/// one, or gone, each op is Damaged from then on, and health() says why (I8).
class MysqlStore final : public contract::StoreDriver {
 public:
  using WallClock = std::function<base::WallMicros()>;

  /// Connects, and makes the tables where they are missing. Blocks for seconds at worst. Errors:
  /// kInvalid (no store and none to be made), kUnavailable (can't connect, no rights, a server that
  /// is refused), kCorrupt (restored from a dump, from a newer version, remains of a store).
  static Result<std::shared_ptr<MysqlStore>> open(MysqlSettings settings, Log log,
                                                  WallClock wall_clock = &base::wall_now_us);

  /// Whether there is no such store on a server that answers. Blocks as open() does.
  static bool is_missing(const MysqlSettings& settings);

  /// See store/backup.h.
  static Result<void> end_recovery(const MysqlSettings& settings, std::uint64_t skip_for_new);

  /// Waits for what was submitted. May be called from a `done`. In a forked child it does nothing.
  ~MysqlStore() override;

  void submit(std::vector<contract::Call> calls) override;
  void list(const contract::PageWanted& wanted,
            std::function<void(Result<CounterPage>)> done) override;
  const StoreOpening& opening() const noexcept override { return opening_; }
  base::WallMicros clock_us() const override { return wall_clock_(); }
  std::uint64_t commits() const noexcept override { return commits_->commits(); }
  StoreHealth health() const override { return shared_->health(); }

 private:
  MysqlStore(StoreOpening opening, std::shared_ptr<MysqlShared> shared, WallClock wall_clock,
             std::shared_ptr<CommitLanes> commits)
      : opening_(std::move(opening)),
        shared_(std::move(shared)),
        wall_clock_(std::move(wall_clock)),
        commits_(std::move(commits)) {}

  const base::ForkGuard fork_guard_;
  const StoreOpening opening_;
  const std::shared_ptr<MysqlShared> shared_;
  const WallClock wall_clock_;
  std::shared_ptr<CommitLanes> commits_;
};

}  // namespace nextid::store
