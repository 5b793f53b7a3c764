#include "http/gate.h"

#include <array>
#include <cstdio>
#include <random>
#include <span>
#include <utility>
#include <variant>

#include "base/cat.h"
#include "base/mutex.h"
#include "base/quoting.h"
#include "http/access.h"
#include "http/codec/request_id.h"
#include "service/permission.h"

namespace nextid::http {
namespace {

using base::cat;

std::string random_prefix() {
  std::random_device device;
  std::array<char, 2 * 8 + 1> text{};
  std::snprintf(text.data(), text.size(), "%08x%08x", device(), device());
  return cat(text.data(), "-");
}

}  // namespace

Gate::Gate(const auth::Access& access, const BrowserGuard::Settings& browsers, base::FieldLog log)
    : access_(access), guard_(browsers), log_(std::move(log)), id_prefix_(random_prefix()) {}

Refusal Gate::check(const Request& request, const Routed& routed, auth::Session& session,
                    std::string& request_id) const {
  session.sign_out();
  if (auto refusal = parse_request_id(request.request_id, request_id)) return refusal;
  // Load balancers' probes may send any Host, and learn nothing that others may not know.
  if (routed.needs.who == service::Needs::Who::kEveryone && is_question_of_health(routed.call)) {
    return std::nullopt;
  }
  if (auto refusal = guard_.check(request, routed.needs.acts())) return refusal;
  return check_access(request, routed, session);
}

bool Gate::may_inspect(const Request& request, auth::Session& session) const {
  return !guard_.check(request, service::kInspects.acts()) && http::may_inspect(request, session);
}

bool Gate::may_look_at(std::string_view counter, auth::Session& session) const {
  const std::span counters(&counter, 1);
  return service::permission_of(service::kLooksAt, counters, session).granted();
}

std::string Gate::new_request_id() {
  return cat(id_prefix_, next_id_.fetch_add(1, std::memory_order_relaxed));
}

void Gate::note_failure(const Reply& reply, const std::string& request_id,
                        base::MonotonicTime now) {
  std::string line;
  {
    const base::Lock lock(failure_mutex_);
    if (now - second_begin_ >= std::chrono::seconds(1)) {
      second_begin_ = now;
      logged_ = 0;
    }
    if (logged_ == kFailuresLogged) {
      ++left_out_;
      return;
    }
    ++logged_;
    const auto left_out = std::exchange(left_out_, 0);
    line = cat("Request ", base::in_quotes(request_id, kMaxRequestIdBytes), " was answered ",
               reply.status, " (", reply.code, "): ", reply.detail);
    if (left_out > 0) line += cat(" Before it, ", left_out, " others that failed.");
  }
  log_(LogLevel::kWarning, line,
       {{"request_id", request_id},
        {"status", std::uint64_t{reply.status}},
        {"code", std::string(reply.code)}});
}

}  // namespace nextid::http
