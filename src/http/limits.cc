#include "http/limits.h"

#include <variant>

namespace nextid::http {

Refusal check_rates(const Routed& routed, auth::Usage* user, base::MonotonicTime now) {
  if (user == nullptr) return std::nullopt;
  const auto* const allocate = std::get_if<Allocate>(&routed.call);
  const auto reached = user->admit(allocate != nullptr ? allocate->count : 0, now);
  return reached ? Refusal(problem_of(*reached)) : std::nullopt;
}

Problem problem_of(const auth::LimitReached& reached) {
  return limited(reached.sentence, reached.retry_after);
}

}  // namespace nextid::http
