// The rows of counters: what is read of them, what ops do to them, and how they are written back.
// Statements and values alone; knows no connection.
//
// A column keeps the slots of all writers as JSON: {"WRITER": [seq, end], ...}, with the writer as
// 16 hexadecimal digits. So a Reserve is one UPDATE, whose condition is that of op.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>

#include "nextid/counter.h"

#include "base/clock.h"
#include "contract/op.h"
#include "contract/store_driver.h"
#include "contract/transition.h"
#include "store/mysql/connection.h"
#include "store/mysql/schema.h"

namespace nextid::store {

/// A row that no version of nextid writes.
class MysqlDamage : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Reads a counter's row; with `locks`, it stays as it is until the transaction ends.
std::string select_counter_sql(const MysqlTables& tables, const std::string& counter, bool locks);

/// The whole of a Reserve, in one statement that finds the row if, and only if, the op is to be
/// applied, and whose insert id is the counter's new value.
std::string reserve_sql(const MysqlTables& tables, const contract::Reserve& op);

/// A row in memory, on which ops are applied one after the other.
class MysqlCounter {
 public:
  /// Throws MysqlDamage.
  MysqlCounter(std::string name, const MysqlAnswer& selected);

  /// Also prunes, by `now`.
  contract::Outcome apply(const contract::Load& op, base::WallMicros now);
  contract::Outcome apply(const contract::Define& op, std::uint64_t skip_for_new);
  /// Redefine, Reserve, GiveBack, Advance, Release.
  template <typename CounterOp>
  contract::Outcome apply(const CounterOp& op) {
    return take(op.writer, contract::apply(op, as_seen_by(op.writer)));
  }

  bool has_idle_slots(const contract::Load& op, base::WallMicros now) const;
  std::optional<contract::CounterState> as_seen_by(contract::WriterId writer) const;

  bool has_changed() const noexcept { return has_changed_; }
  /// The statement that writes what has changed, in the transaction that locked the row. Two nodes
  /// may be making the counter: then the second is answered with ER_DUP_ENTRY.
  std::string write_sql(const MysqlTables& tables) const;

 private:
  contract::Outcome take(contract::WriterId writer, contract::Transition transition);
  std::string slots_text() const;

  std::string name_;
  std::optional<contract::CounterState> state_;  // Without a slot.
  std::map<std::string, contract::Slot> slots_;
  bool is_new_ = false;
  bool has_changed_ = false;
};

/// A page of counters, and one row more if there are more.
std::string list_counters_sql(const MysqlTables& tables, const contract::PageWanted& wanted);
/// Throws MysqlDamage.
CounterPage counter_page_of(const MysqlAnswer& selected, const contract::PageWanted& wanted);

}  // namespace nextid::store
