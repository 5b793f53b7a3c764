// Counters in an SQLite file. Several processes may share it, on one machine's own disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nextid/error.h"

#include "base/clock.h"
#include "base/fork.h"
#include "contract/store_driver.h"
#include "store/common/group_commit.h"
#include "store/sqlite/database.h"
#include "store/sqlite/opening.h"
#include "store/sqlite/store_clock.h"

namespace nextid::store {

/// Group commit by the submitter (store/common/group_commit.h): handing a commit to a thread would
/// cost as much as the commit.
///
/// Durability (I2): WAL with synchronous=FULL; no outcome leaves before its COMMIT has returned.
/// Blocks the submitting thread for one commit, and for a checkpoint that is due after it. While
/// another process holds the file, a commit waits for about kSqliteLockLimit, and then as long
/// again to answer a Load or a Recall by a read; other ops are NotApplied. An attempt ends within
/// five times that limit: its own two waits, the two of the commit under way, and one of the
/// checkpoint after that.
///
/// Next to PATH lie, while it is open, SQLite's PATH-wal and PATH-shm, and PATH-lock: the four are
/// one store. After the last one has closed it PATH alone is (I8: seal.h, guard.h).
class SqliteStore final : public contract::StoreDriver {
 public:
  /// Opens or makes the database. Errors name the file, and nothing in it has changed then:
  /// kCorrupt (no database of ours, damaged, from a newer version), kUnavailable (can't be
  /// opened, read-only, disk full, held by another process), kInvalid (no path, a file that was
  /// open when this process was forked, or one that every user of the machine may write).
  static Result<std::shared_ptr<SqliteStore>> open(const std::string& path,
                                                   const SqliteOpenOptions& options = {},
                                                   MachineClocks clocks = {});

  /// Waits for what was submitted. May be called from a `done`. In a forked child it does nothing.
  ~SqliteStore() override;

  void submit(std::vector<contract::Call> calls) override;
  void list(const contract::PageWanted& wanted,
            std::function<void(Result<CounterPage>)> done) override;
  const StoreOpening& opening() const noexcept override { return opening_; }
  /// See store_clock.h.
  base::WallMicros clock_us() const override { return clock_->now_us(); }
  std::uint64_t commits() const noexcept override { return commits_->commits(); }

 private:
  SqliteStore(StoreOpening opening, std::shared_ptr<StoreClock> clock,
              std::shared_ptr<GroupCommit> commits)
      : opening_(std::move(opening)), clock_(std::move(clock)), commits_(std::move(commits)) {}

  const base::ForkGuard fork_guard_;
  const StoreOpening opening_;
  const std::shared_ptr<StoreClock> clock_;
  std::shared_ptr<GroupCommit> commits_;
};

}  // namespace nextid::store
