// The checks that every HTTP request passes before it is served, and the log of failures.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "nextid/log.h"

#include "auth/access.h"
#include "base/clock.h"
#include "base/field_log.h"
#include "base/mutex.h"
#include "http/codec/browser_guard.h"
#include "http/codec/problem.h"
#include "http/codec/reply.h"
#include "http/codec/request.h"
#include "http/codec/routes.h"

namespace nextid::http {

/// One for all connections. Thread-safe.
class Gate {
 public:
  /// `access` must outlive it.
  Gate(const auth::Access& access, const BrowserGuard::Settings& browsers, base::FieldLog log);

  const auth::Access& access() const noexcept { return access_; }

  /// Why the request is refused, if it is. Its sender is signed in at `session`, and `request_id`
  /// receives its X-Request-Id.
  Refusal check(const Request& request, const Routed& routed, auth::Session& session,
                std::string& request_id) const;

  /// Whether the sender would be shown GET /v1/status, and so may be told why the server is not
  /// ready.
  bool may_inspect(const Request& request, auth::Session& session) const;

  /// Whether whoever is signed in at `session` would be shown the counter.
  bool may_look_at(std::string_view counter, auth::Session& session) const;

  /// See BrowserGuard::wants_only_tls().
  bool wants_only_tls(const Request& request) const { return guard_.wants_only_tls(request); }

  /// An id for the error answer to a request that has none: unique in the process, and most
  /// probably in the world.
  std::string new_request_id();

  void warn(const std::string& sentence) const {
    if (log_) log_(LogLevel::kWarning, sentence, {});
  }

  /// Logs an answer of 500 or more, at most kFailuresLogged a second; the next logged one says how
  /// many were left out.
  void note_failure(const Reply& reply, const std::string& request_id, base::MonotonicTime now);
  static constexpr unsigned kFailuresLogged = 5;

 private:
  const auth::Access& access_;
  const BrowserGuard guard_;
  const base::FieldLog log_;
  const std::string id_prefix_;
  std::atomic<std::uint64_t> next_id_{1};

  base::Mutex failure_mutex_;
  base::MonotonicTime second_begin_ NEXTID_GUARDED_BY(failure_mutex_);
  unsigned logged_ NEXTID_GUARDED_BY(failure_mutex_) = 0;  // Since second_begin_.
  std::uint64_t left_out_ NEXTID_GUARDED_BY(failure_mutex_) = 0;
};

}  // namespace nextid::http
