#include "copy/copier.h"

#include <utility>

#include "copy/batch.h"

namespace nextid::copy {

Copier::Copier(contract::StoreDriver& source, contract::StoreDriver& target, CopySettings settings)
    : source_(source), target_(target), settings_(settings) {}

Result<void> Copier::plan(const OnPlanned& on_planned) const {
  CounterStream sources(source_, settings_.source);
  CounterStream targets(target_, settings_.target);
  while (true) {
    auto source = sources.next();
    if (!source) return source.error();
    if (!*source) return {};
    auto target = targets.find((*source)->name);
    if (!target) return target.error();
    on_planned({**source, *target, decide(**source, *target)});
  }
}

Result<void> Copier::copy(const OnCopied& on_copied) const {
  if (const auto copied = copy_all(CounterStream::Which::kAll, on_copied); !copied) return copied;
  return copy_all(CounterStream::Which::kInUse, on_copied);
}

Result<void> Copier::copy_all(CounterStream::Which which, const OnCopied& on_copied) const {
  CounterStream sources(source_, settings_.source, which);
  while (true) {
    std::vector<CounterInfo> counters;
    while (counters.size() < settings_.batch) {
      auto counter = sources.next();
      if (!counter) return counter.error();
      if (!*counter) break;
      counters.push_back(*std::move(*counter));
    }
    if (counters.empty()) return {};
    const auto copied = Batch(source_, target_, settings_, std::move(counters)).run();
    if (!copied) return copied.error();
    on_copied(*copied);
  }
}

}  // namespace nextid::copy
