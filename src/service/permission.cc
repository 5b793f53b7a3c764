#include "service/permission.h"

namespace nextid::service {

using auth::Verdict;

Permission permission_of(const Needs& needs, std::span<const std::string_view> counters,
                         auth::Session& caller) {
  using Who = Needs::Who;
  if (needs.who == Who::kEveryone || !caller.needs_token()) return {};
  if (caller.name().empty()) return {.verdict = Verdict::kUnknown};
  if (needs.who == Who::kHolder) return {};
  // A call that names no counter may concern all of them.
  if (needs.who == Who::kHolderForAll || counters.empty()) {
    return {.verdict = caller.may_all(needs.right)};
  }
  for (const std::string_view counter : counters) {
    const Verdict verdict = caller.may(needs.right, counter);
    if (verdict != Verdict::kGranted) return {.verdict = verdict, .counter = counter};
  }
  return {};
}

}  // namespace nextid::service
