#include "resp/limits.h"

#include <variant>

namespace nextid::resp {

std::optional<auth::LimitReached> check_rates(const Routed& routed, auth::Usage* user,
                                              base::MonotonicTime now) {
  if (user == nullptr || routed.needs.who == service::Needs::Who::kEveryone) return std::nullopt;
  const auto* const increment = std::get_if<Increment>(&routed.call);
  return user->admit(increment != nullptr ? increment->count : 0, now);
}

Result<IdRange> limited(const auth::LimitReached& reached) {
  return Error(ErrorCode::kLimited, reached.sentence);
}

}  // namespace nextid::resp
