// The rows that a transaction has locked.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "contract/op.h"
#include "store/mysql/counters.h"
#include "store/mysql/records.h"
#include "store/mysql/schema.h"

namespace nextid::store {

/// A counter, or an idempotency key: what an op needs the row of. In the order in which rows are
/// locked: counters by name, then keys.
struct MysqlRowName {
  bool is_record = false;
  std::string name = {};  ///< Of the counter, or the key's space.
  std::string key = {};

  friend auto operator<=>(const MysqlRowName&, const MysqlRowName&) = default;
};

/// Nothing for an op that needs none.
std::optional<MysqlRowName> row_name_of(const contract::Op& op);

std::string select_row_sql(const MysqlTables& tables, const MysqlRowName& row, bool locks);

/// Rows in memory, on which ops are applied one after the other.
class MysqlRows {
 public:
  MysqlRows(base::WallMicros now, std::uint64_t skip_for_new)
      : now_(now), skip_for_new_(skip_for_new) {}

  void add(const MysqlRowName& name, const MysqlAnswer& selected);

  /// Needs the op's row.
  contract::Outcome apply(const contract::Op& op);

  /// The statements that write what has changed, in the order of the rows.
  struct Write {
    MysqlRowName row;
    std::string sql;
  };
  std::vector<Write> writes(const MysqlTables& tables) const;
  bool has_new_records() const;
  /// Whether an op was applied earlier, as the rows tell, and its answer is to last.
  bool needs_confirmation() const noexcept { return needs_confirmation_; }

 private:
  template <typename Op>
  contract::Outcome apply_to_row(const Op& op);
  template <typename Op>
  contract::Outcome looked_at(const Op& op, contract::Outcome outcome);
  template <typename CounterOp>
  contract::Outcome apply_to_counter(const CounterOp& op);
  template <typename RecordOp>
  contract::Outcome apply_to_record(const RecordOp& op);

  const base::WallMicros now_;
  const std::uint64_t skip_for_new_;
  std::map<MysqlRowName, MysqlCounter> counters_;
  std::map<MysqlRowName, MysqlRecord> records_;
  std::map<MysqlRowName, std::string> damaged_;  // Why.
  bool needs_confirmation_ = false;
};

}  // namespace nextid::store
