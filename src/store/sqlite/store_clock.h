// The store's clock, by which the records of idempotency keys expire.
//
// A wall clock jumps, and one look at it from three days ahead would end every key for good. So the
// store has a clock of its own. It began with the wall clock's time, runs at the pace of
// CLOCK_BOOTTIME, which nobody can set, and stands still while the machine is off. It never jumps
// ahead: so keys may live longer than was asked for, but not shorter.
//
// What is kept of it is a row among the records, of a counter without a name: how far it is ahead
// of the machine's time since its start, by which all processes of this boot agree; and how far it
// was, where the next boot goes on. It has no table of its own, since the schema of a file that has
// a seal does not change (seal.h), and older versions of nextid leave this row alone.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>

#include "base/clock.h"
#include "store/sqlite/boot.h"
#include "store/sqlite/database.h"

namespace nextid::store {

/// The clocks of the machine. Tests give others.
struct MachineClocks {
  std::function<base::WallMicros()> wall_us = &base::wall_now_us;
  std::function<std::uint64_t()> boot_us = &boot_now_us;  ///< See boot_now_us().
  std::uint64_t boot = boot_number();                     ///< 0 where it is not known.
};

/// What is kept of the clock.
struct KeptClock {
  std::uint64_t boot = 0;     ///< MachineClocks::boot when this was kept.
  std::int64_t ahead_us = 0;  ///< How far it is ahead of MachineClocks::boot_us in that boot.
  std::int64_t shown_us = 0;  ///< What it showed when this was kept.
};

/// Thread-safe, but for begin().
class StoreClock {
 public:
  explicit StoreClock(MachineClocks clocks);

  /// Goes on from what was kept, or begins anew.
  void begin(const std::optional<KeptClock>& kept);
  /// Another process of this boot may have been first to begin: all go by its clock.
  void agree_with(const KeptClock& kept) noexcept;

  /// Microseconds since 1970, or about that: behind the wall clock by as long as the machine was
  /// off.
  base::WallMicros now_us() const;
  base::WallMicros wall_us() const { return clocks_.wall_us(); }

  /// What is to be kept now.
  KeptClock keep();
  /// Whether that was long ago.
  bool is_due() const;

 private:
  const MachineClocks clocks_;
  std::atomic<std::int64_t> ahead_us_{0};
  std::atomic<std::uint64_t> kept_at_us_{0};  // By clocks_.boot_us.
};

/// The row, of one connection: within a transaction, as SqliteRecords.
class ClockRow {
 public:
  explicit ClockRow(Database& database);

  /// Nothing while there is none.
  std::optional<KeptClock> read();
  /// In a transaction that writes: agrees with the other processes, and brings the row up to date.
  void keep(StoreClock& clock);

 private:
  Statement select_;
  Statement replace_;
};

}  // namespace nextid::store
