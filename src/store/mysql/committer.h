// Groups of ops, on one connection to a MySQL server.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "contract/op.h"
#include "store/common/group_commit.h"
#include "store/mysql/rows.h"
#include "store/mysql/session.h"

namespace nextid::store {

/// Reserves are one UPDATE each, all of a group in one round trip and one commit. If there are
/// other writes, or a Reserve's condition did not hold, a transaction locks the rows, applies the
/// ops by contract/transition.h, and writes the rows back: two round trips. Rows are locked in
/// order of their names, so that nodes do not deadlock.
///
/// After any error the transaction is rolled back, or its connection closed: a lock that did not
/// come in time undoes one statement alone (innodb_rollback_on_timeout), and what the statements
/// before it did must not be committed by another transaction's begin.
///
/// An op that is found to have been applied is answered only after a write of this group's own has
/// been committed: so that what was read lasts as long.
class MysqlCommitter final : public Committer {
 public:
  using WallClock = std::function<base::WallMicros()>;

  MysqlCommitter(std::shared_ptr<MysqlShared> shared, WallClock wall_clock);

  Answers commit(const Group& group) noexcept override;
  std::uint64_t commits() const noexcept override { return commits_; }
  void tidy() noexcept override;

 private:
  /// An op of the group.
  struct Item {
    std::size_t index;
    const contract::Op* op;
  };
  using Batch = std::vector<Item>;

  void commit_calls(const Group& group, Answers& answers);
  Batch look_up(const Batch& batch, Answers& answers);
  Batch reserve(Batch batch, Answers& answers);
  Batch reserve_once(const Batch& batch, Answers& answers);
  void transact(Batch batch, Answers& answers);
  Batch transact_once(const Batch& batch, Answers& answers);
  MysqlRows lock_rows(const std::vector<MysqlRowName>& names);
  Batch write_rows(const MysqlRows& rows, const Batch& batch,
                   const std::vector<contract::Outcome>& outcomes, Answers& answers);
  Batch after_failure(const MysqlFailure& failure, bool is_in_doubt, const std::string& counter,
                      const Batch& batch, Answers& answers);
  void answer_all(const Batch& batch, const contract::Outcome& outcome, Answers& answers) const;
  contract::Outcome not_applied(const MysqlFailure& failure) const;
  void read_pages(const Group& group, Answers& answers);
  Result<CounterPage> read_page(const contract::PageWanted& wanted);

  const std::shared_ptr<MysqlShared> shared_;
  const WallClock wall_clock_;
  MysqlSession session_;
  std::atomic<std::uint64_t> commits_{0};
  bool kept_records_ = false;  // Since the last tidy().
};

}  // namespace nextid::store
