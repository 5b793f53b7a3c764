#include "report/counter_rates.h"

#include <algorithm>
#include <utility>

namespace nextid::report {
namespace {

constexpr std::chrono::minutes kForgetAfter{10};
constexpr double kDaySeconds = 24 * 3600;

// Ids skipped by an advance do not show how fast the counter is used.
std::uint64_t skipped_ids(const CounterActivity& counter) noexcept {
  return counter.accounting.burned_by(BurnReason::kAdvance);
}

std::uint64_t growth(std::uint64_t before, std::uint64_t now) noexcept {
  return now > before ? now - before : 0;
}

}  // namespace

std::optional<std::uint64_t> remaining_ids(const CounterActivity& counter) noexcept {
  if (!counter.definition) return std::nullopt;
  const Definition& definition = *counter.definition;
  const std::uint64_t value = counter.value.value_or(0);
  if (value < definition.start) {
    return (definition.max - definition.start) / definition.increment + 1;
  }
  return growth(value, definition.max) / definition.increment;
}

void CounterRates::add(Seen& seen, const CounterActivity& counter, base::MonotonicTime now) {
  const double elapsed_s = std::chrono::duration<double>(now - seen.at).count();
  if (elapsed_s <= 0) return;
  seen.recent.add(static_cast<double>(growth(seen.returned, counter.accounting.returned)),
                  elapsed_s);
  if (seen.value && counter.value && counter.definition) {
    const std::uint64_t used = growth(*seen.value, *counter.value) / counter.definition->increment;
    const std::uint64_t skipped = growth(seen.skipped, skipped_ids(counter));
    seen.today.add(static_cast<double>(growth(skipped, used)), elapsed_s);
  }
  seen.at = now;
}

std::vector<CounterObservation> CounterRates::sample(std::vector<CounterActivity> counters,
                                                     base::MonotonicTime now) {
  std::vector<CounterObservation> observations;
  for (CounterActivity& counter : counters) {
    Seen& seen = seen_.try_emplace(counter.name, Seen{.at = now, .value = {}}).first->second;
    add(seen, counter, now);
    seen.returned = std::max(seen.returned, counter.accounting.returned);
    if (counter.value) seen.value = counter.value;
    seen.skipped = skipped_ids(counter);

    CounterObservation observation;
    observation.remaining = remaining_ids(counter);
    observation.returned_so_far = seen.returned;
    observation.ids_per_second = seen.recent.per_second();
    if (const double rate = seen.today.per_second(); observation.remaining && rate > 0) {
      observation.days_to_exhaustion =
          static_cast<double>(*observation.remaining) / rate / kDaySeconds;
    }
    observation.activity = std::move(counter);
    observations.push_back(std::move(observation));
  }
  std::erase_if(seen_, [now](const auto& entry) { return now - entry.second.at > kForgetAfter; });
  return observations;
}

}  // namespace nextid::report
