#include "protocol/resp_access.h"

#include <variant>

namespace nextid::protocol {
namespace {

using auth::Verdict;

std::string refusal(std::string_view code, const std::string& sentence) {
  std::string bytes;
  append_error(bytes, code, sentence);
  return bytes;
}

std::optional<std::string> answer_to(Verdict verdict, const auth::Session& caller,
                                     const std::string& what) {
  switch (verdict) {
    case Verdict::kGranted:
      return std::nullopt;
    case Verdict::kUnknown:
      return refusal("NOAUTH", "The token of this connection is no more: AUTH with another one.");
    case Verdict::kForbidden:
      return refusal("NOPERM", "The token '" + std::string(caller.name()) + "' does not allow to " +
                                   what + ".");
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> check_access(const RespRouted& routed, auth::Session& caller) {
  using Who = RespNeeds::Who;
  const RespNeeds& needs = routed.needs;
  if (needs.who == Who::kEveryone || !caller.needs_token()) return std::nullopt;
  if (caller.name().empty()) {
    return refusal("NOAUTH", "This server wants a token first: AUTH <token>.");
  }
  if (needs.who == Who::kHolder || std::holds_alternative<RespAnswer>(routed.call)) {
    return std::nullopt;
  }
  if (needs.who == Who::kHolderForAll) {
    return answer_to(caller.may_all(needs.right), caller, std::string(needs.to));
  }
  for (const std::string_view counter : routed.keys) {
    const Verdict verdict = caller.may(needs.right, counter);
    if (verdict == Verdict::kGranted) continue;
    return answer_to(verdict, caller, std::string(needs.to) + " '" + std::string(counter) + "'");
  }
  return std::nullopt;
}

}  // namespace nextid::protocol
