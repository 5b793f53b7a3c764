#include "store/sqlite/store_clock.h"

#include <chrono>
#include <limits>
#include <utility>

namespace nextid::store {
namespace {

/// What a sudden end of the machine may take from the clock, and a write of one page a minute.
constexpr std::uint64_t kKeptEveryUs =
    std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::minutes(1)).count();

constexpr const char* kSelect =
    "SELECT owner, count, first FROM idempotency WHERE counter = '' AND key = 'clock'";
// It never expires, so no version of nextid removes it.
constexpr const char* kReplace =
    "REPLACE INTO idempotency (counter, key, first, count, increment, expires, owner)"
    " VALUES ('', 'clock', ?3, ?2, 0, ?4, ?1)";

}  // namespace

StoreClock::StoreClock(MachineClocks clocks) : clocks_(std::move(clocks)) {}

void StoreClock::begin(const std::optional<KeptClock>& kept) {
  const std::int64_t shown = kept ? kept->shown_us : static_cast<std::int64_t>(clocks_.wall_us());
  ahead_us_ = shown - static_cast<std::int64_t>(clocks_.boot_us());
  if (kept) agree_with(*kept);
}

void StoreClock::agree_with(const KeptClock& kept) noexcept {
  if (kept.boot == clocks_.boot && kept.boot != 0) ahead_us_ = kept.ahead_us;
}

base::WallMicros StoreClock::now_us() const {
  return clocks_.boot_us() + static_cast<std::uint64_t>(ahead_us_.load());
}

KeptClock StoreClock::keep() {
  const std::uint64_t boot_us = clocks_.boot_us();
  const std::int64_t ahead = ahead_us_;
  kept_at_us_ = boot_us;
  return {clocks_.boot, ahead, static_cast<std::int64_t>(boot_us) + ahead};
}

bool StoreClock::is_due() const { return clocks_.boot_us() - kept_at_us_ >= kKeptEveryUs; }

ClockRow::ClockRow(Database& database) : select_(database, kSelect), replace_(database, kReplace) {}

std::optional<KeptClock> ClockRow::read() {
  std::optional<KeptClock> kept;
  while (select_.step()) {
    kept = KeptClock{static_cast<std::uint64_t>(select_.integer(0)), select_.integer(1),
                     select_.integer(2)};
  }
  return kept;
}

void ClockRow::keep(StoreClock& clock) {
  if (const auto kept = read()) clock.agree_with(*kept);
  const KeptClock kept = clock.keep();
  replace_.bind(1, static_cast<std::int64_t>(kept.boot))
      .bind(2, kept.ahead_us)
      .bind(3, kept.shown_us)
      .bind(4, std::numeric_limits<std::int64_t>::max())
      .run();
}

}  // namespace nextid::store
