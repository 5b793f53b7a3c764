// The counters table: what each op reads and writes in it. Knows no locks, commits or threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "nextid/counter.h"

#include "base/clock.h"
#include "contract/op.h"
#include "contract/store_driver.h"
#include "contract/transition.h"
#include "store/sqlite/database.h"

namespace nextid::store {

/// Makes the table, in the transaction that is open.
void create_counters_table(Database& database);

/// The table of one connection. Ops must run inside a transaction; list() and find() may run in one
/// that only reads. All throw SqliteFailure, with part of an op's writes perhaps done: roll back to
/// a savepoint. Numbers in the file that make no sense are such a failure, too.
class SqliteCounters {
 public:
  explicit SqliteCounters(Database& database);

  /// How many ids new counters leave out: see Seal::skip_for_new.
  void set_skip_for_new(std::uint64_t ids) noexcept { skip_for_new_ = ids; }

  /// `now` decides which slots are pruned.
  contract::Outcome apply(const contract::Load& op, base::WallMicros now);
  contract::Outcome apply(const contract::Define& op);
  /// Redefine, Reserve, GiveBack, Advance, Release.
  template <typename CounterOp>
  contract::Outcome apply(const CounterOp& op) {
    return write(op.counter, op.writer, contract::apply(op, read(op.counter, op.writer)));
  }
  /// A Load that prunes nothing, so writes nothing.
  contract::Outcome find(const contract::Load& op);
  CounterPage list(const contract::PageWanted& wanted);

 private:
  std::optional<contract::CounterState> read(const std::string& counter, contract::WriterId writer);
  bool has_slots(const std::string& counter);
  /// Makes the change, and returns the outcome.
  contract::Outcome write(const std::string& counter, contract::WriterId writer,
                          contract::Transition transition);
  void write_definition(const std::string& counter, const contract::Change& change);
  void write_slot(const std::string& counter, contract::WriterId writer,
                  const contract::Change& change);
  void raise_floor(const std::string& counter, contract::Seq floor);
  void prune(const contract::Load& op, base::WallMicros now);
  SqliteFailure nonsense(const std::string& counter) const;

  Database& database_;
  std::uint64_t skip_for_new_ = 0;
  Statement select_;
  Statement has_slots_;
  Statement insert_counter_;
  Statement redefine_;
  Statement set_value_;
  Statement insert_slot_;
  Statement set_slot_;
  Statement delete_slot_;
  Statement raise_floor_;
  Statement newest_idle_slot_;
  Statement delete_idle_slots_;
  Statement list_;
};

}  // namespace nextid::store
