// What every HTTP request passes before it is served, and what becomes known of those that fail.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "nextid/store.h"

#include "auth/access.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "protocol/browser_guard.h"
#include "protocol/http_problem.h"
#include "protocol/http_reply.h"
#include "protocol/http_request.h"
#include "protocol/http_routes.h"

namespace nextid::net {

/// One for all connections. Thread-safe.
class HttpGate {
 public:
  using Log = std::function<void(LogLevel, const std::string&)>;

  /// `access` must outlive it.
  HttpGate(const auth::Access& access, const protocol::BrowserGuard::Settings& browsers, Log log);

  const auth::Access& access() const noexcept { return access_; }

  /// Why the request is refused, if it is. Its sender is signed in at `session`, and `request_id`
  /// receives its X-Request-Id.
  protocol::Refusal check(const protocol::HttpRequest& request, const protocol::Routed& routed,
                          auth::Session& session, std::string& request_id) const;

  /// For an answer that tells of an error, where the request has no id: unique in the process, and
  /// most probably in the world.
  std::string new_request_id();

  /// Logs an answer of 500 or more, at most kFailuresLogged a second; how many it left out is told
  /// with the next one.
  void note_failure(const protocol::Reply& reply, const std::string& request_id,
                    base::MonotonicTime now);
  static constexpr unsigned kFailuresLogged = 5;

 private:
  const auth::Access& access_;
  const protocol::BrowserGuard guard_;
  const Log log_;
  const std::string id_prefix_;
  std::atomic<std::uint64_t> next_id_{1};

  base::Mutex failure_mutex_;
  base::MonotonicTime second_begin_ NEXTID_GUARDED_BY(failure_mutex_);
  unsigned logged_ NEXTID_GUARDED_BY(failure_mutex_) = 0;  // Since second_begin_.
  std::uint64_t left_out_ NEXTID_GUARDED_BY(failure_mutex_) = 0;
};

}  // namespace nextid::net
