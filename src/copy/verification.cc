#include "copy/verification.h"

#include <optional>

#include "base/cat.h"
#include "copy/counter_stream.h"
#include "copy/decision.h"

namespace nextid::copy {
namespace {

using base::cat;

std::optional<std::string> problem_with(const CounterInfo& source,
                                        const std::optional<CounterInfo>& target,
                                        const Names& deleted) {
  if (!target) return cat("counter '", source.name, "' is missing in the target");
  if (target->value.value_or(0) < source.value.value_or(0)) {
    return cat("counter '", source.name, "' is at ", target->value.value_or(0),
               " in the target, below ", *source.value, " in the source");
  }
  if (target->deleted) {
    if (deleted.contains(source.name)) return std::nullopt;
    return cat("counter '", source.name,
               "' is deleted in the target: somebody did so after it was copied, perhaps another "
               "copy");
  }
  if (is_unfinished(*target)) {
    return cat("counter '", source.name, "' of the target is one that a copy has not ended with");
  }
  return fixed_difference(source, *target);
}

}  // namespace

Result<Verified> verify(contract::StoreDriver& source, contract::StoreDriver& target,
                        const CopySettings& settings, const Names& deleted,
                        const std::function<void(const std::string&)>& on_wrong) {
  Verified verified;
  CounterStream sources(source, settings.source);
  CounterStream targets(target, settings.target);
  while (true) {
    const auto counter = sources.next();
    if (!counter) return counter.error();
    if (!*counter) return verified;
    const auto copied = targets.find((*counter)->name);
    if (!copied) return copied.error();
    ++verified.counters;
    if (!(*counter)->deleted) {
      ++verified.in_use;
      on_wrong(cat("counter '", (*counter)->name, "' is in use in the source"));
    } else if (const auto problem = problem_with(**counter, *copied, deleted)) {
      ++verified.differences;
      on_wrong(*problem);
    }
  }
}

}  // namespace nextid::copy
