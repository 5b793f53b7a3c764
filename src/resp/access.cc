#include "resp/access.h"

#include <variant>

#include "base/cat.h"
#include "service/permission.h"

namespace nextid::resp {
namespace {

using base::cat;

std::string refusal(std::string_view code, const std::string& sentence) {
  std::string bytes;
  append_error(bytes, code, sentence);
  return bytes;
}

}  // namespace

std::optional<std::string> check_access(const Routed& routed, auth::Session& caller) {
  using Who = service::Needs::Who;
  const service::Needs& needs = routed.needs;
  if (needs.who == Who::kEveryone || !caller.needs_token()) return std::nullopt;
  if (caller.name().empty()) {
    return refusal("NOAUTH", "This server wants a token first: AUTH <token>.");
  }
  // A command that is wrong anyhow is told so.
  if (std::holds_alternative<Answer>(routed.call)) return std::nullopt;
  const auto permission = service::permission_of(needs, routed.keys, caller);
  switch (permission.verdict) {
    case auth::Verdict::kGranted:
      return std::nullopt;
    case auth::Verdict::kUnknown:
      return refusal("NOAUTH", "The token of this connection is no more: AUTH with another one.");
    case auth::Verdict::kForbidden:
      return refusal("NOPERM",
                     cat("The token '", caller.name(), "' does not allow to ", needs.to,
                         permission.counter.empty() ? "." : cat(" '", permission.counter, "'.")));
  }
  return std::nullopt;
}

}  // namespace nextid::resp
