#include "http/access.h"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include <boost/beast/core/string.hpp>

#include "base/cat.h"
#include "base/quoting.h"
#include "service/permission.h"

namespace nextid::http {
namespace {

using base::cat;

// The token of "Bearer TOKEN"; "" of anything else.
std::string_view bearer_of(std::string_view credentials) noexcept {
  constexpr std::string_view kScheme = "Bearer ";
  const auto scheme = credentials.substr(0, kScheme.size());
  if (!boost::beast::iequals({scheme.data(), scheme.size()}, {kScheme.data(), kScheme.size()})) {
    return {};
  }
  credentials.remove_prefix(kScheme.size());
  credentials.remove_prefix(std::min(credentials.find_first_not_of(' '), credentials.size()));
  return credentials;
}

Problem unauthorized(bool has_credentials) {
  if (!has_credentials) {
    return {
        .status = 401,
        .code = "unauthorized",
        .detail = "This call needs a token; send it as the field 'Authorization: Bearer TOKEN'.",
        .challenge = "Bearer realm=\"nextid\""};
  }
  return {.status = 401,
          .code = "unauthorized",
          .detail =
              "This server knows no such token; send 'Authorization: Bearer TOKEN' with one "
              "that it knows.",
          .challenge = "Bearer realm=\"nextid\", error=\"invalid_token\""};
}

Problem lacks_right(const Routed& routed, std::string_view name) {
  const auto counter = routed.counter();
  return forbidden(cat("The token '", name, "' does not give the right to ",
                       auth::to_string(routed.needs.right),
                       counter.empty() ? ", for all counters, which this call concerns."
                                       : cat(", for the counter ", base::in_quotes(counter), ".")));
}

}  // namespace

Refusal check_access(const Request& request, const Routed& routed, auth::Session& session) {
  if (routed.needs.who == service::Needs::Who::kEveryone || !session.needs_token()) {
    return std::nullopt;
  }
  if (request.authorization.count > 1) {
    return invalid("The field Authorization is given more than once.");
  }
  session.sign_in(bearer_of(request.authorization.value));
  const std::string_view counter = routed.counter();
  const std::span counters(&counter, counter.empty() ? 0 : 1);
  switch (service::permission_of(routed.needs, counters, session).verdict) {
    case auth::Verdict::kGranted:
      return std::nullopt;
    case auth::Verdict::kUnknown:
      return unauthorized(request.authorization.count > 0);
    case auth::Verdict::kForbidden:
      // A request that is wrong anyhow is told so: it may have no counter to judge by.
      if (std::holds_alternative<Problem>(routed.call)) return std::nullopt;
      return lacks_right(routed, session.name());
  }
  return std::nullopt;
}

bool may_inspect(const Request& request, auth::Session& session) {
  if (!session.needs_token()) return true;
  if (request.authorization.count > 1) return false;
  session.sign_in(bearer_of(request.authorization.value));
  return service::permission_of(service::kInspects, {}, session).granted();
}

}  // namespace nextid::http
