// Groups of ops, each group committed together on one connection.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nextid/statistics.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "contract/op.h"
#include "store/common/group_commit.h"
#include "store/postgres/identity.h"
#include "store/postgres/session.h"
#include "store/postgres/tables.h"

namespace nextid::store {

/// What all lanes of a store share. Thread-safe.
struct PostgresShared {
  PostgresTables tables;
  std::chrono::milliseconds attempt_timeout;
  PostgresIdentity identity;
  std::function<base::WallMicros()> wall_clock;

  mutable base::Mutex mutex = {};
  PostgresServer server NEXTID_GUARDED_BY(mutex) = {};  ///< The last one that was connected to.
  /// Processes of connections that were lost: they may hold locks. The newest few.
  std::vector<PostgresProcess> lost NEXTID_GUARDED_BY(mutex) = {};
};

/// Not thread-safe: one thread at a time, but for commits().
///
/// Reserves, Loads, Recalls, Remembers and TryWrites of a group are one transaction in one round
/// trip; a Reserve whose condition did not hold, and a Load that finds slots to prune, take one
/// more for all of them, and Reserves that were applied before a third. The other ops lock their
/// rows, and write what contract::transition makes of them: a second transaction, of two round
/// trips. Rows are locked in the order of their names, so that no two nodes wait for each other.
///
/// An op whose query fails alone, as by a lock of somebody else's, is left out, and the others are
/// run again.
class PostgresCommitter final : public Committer {
 public:
  PostgresCommitter(std::shared_ptr<PostgresShared> shared, PostgresServers servers);
  /// Begins with an open session instead of none.
  PostgresCommitter(std::shared_ptr<PostgresShared> shared, PostgresServers servers,
                    PostgresSession session);

  /// Blocks for kAttempts times the attempt timeout at most.
  Answers commit(const Group& group) noexcept override;
  std::uint64_t commits() const noexcept override { return commits_; }

  static constexpr int kAttempts = 3;

 private:
  /// An op of a group, and its answer.
  struct Task {
    const contract::Op* op;
    contract::Outcome* outcome;
  };
  using Tasks = std::vector<Task>;
  using Body = std::function<void(Tasks&)>;
  /// Tasks, and the answers that they get once the transaction is committed.
  using Unconfirmed = std::vector<std::pair<Task, contract::Outcome>>;

  void connect();
  void disconnect();
  void end_lost();
  void attempt(const Group& group, Answers& answers);
  void attempt_one_by_row(Tasks tasks);
  void attempt_all(Tasks tasks, const Body& body);
  bool leave_out_failed(Tasks& tasks, const PostgresFailure& failure);
  void run_simple(Tasks& tasks);
  void take_simple(const Task& task, const PostgresRows& rows, Tasks& refused, Tasks& to_prune);
  void explain(const Tasks& refused);
  void confirm(const Tasks& applied);
  void add_selects(const Tasks& tasks, std::vector<PostgresQuery>& queries) const;
  void prune(Tasks& tasks);
  void run_locked(Tasks& tasks);
  void write_locked(Tasks& tasks, const std::vector<PostgresRows>& rows);
  Result<CounterPage> read_page(const Listing& listing);

  std::vector<PostgresRows> run(const std::vector<PostgresQuery>& queries,
                                PostgresConnection::Part part);
  PostgresQuery identity_query() const { return {&shared_->tables.read_store}; }
  PostgresStoreRow check_identity(const PostgresRows& rows) {
    return shared_->identity.check(rows, session_.server.system);
  }

  const std::shared_ptr<PostgresShared> shared_;
  PostgresServers servers_;
  PostgresSession session_;                // Without a connection where there is none.
  PostgresConnection::Deadline deadline_;  // Of the group.
  /// The task of each query of the last run; null for queries of none.
  std::vector<const contract::Op*> owners_;
  std::vector<std::string> held_up_;
  std::atomic<std::uint64_t> commits_{0};
};

}  // namespace nextid::store
