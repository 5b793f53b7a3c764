// Lines about tokens that were refused: few of them, however many try.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/field_log.h"
#include "base/mutex.h"

namespace nextid::service {

/// One for all protocols. Thread-safe.
class SignInLog {
 public:
  /// A line at most in each: how many failed since the last one, and the first and the last of
  /// them.
  static constexpr std::chrono::seconds kPeriod{1};

  /// Empty: logs nothing.
  explicit SignInLog(base::FieldLog log) : log_(std::move(log)) {}

  /// Somebody at `client`, an address, had a token that this server does not know.
  void note(std::string_view protocol, const std::string& client, base::MonotonicTime now)
      NEXTID_EXCLUDES(mutex_);
  /// Logs what no line told yet, if it is time. To be called again and again.
  void tick(base::MonotonicTime now) NEXTID_EXCLUDES(mutex_);

 private:
  struct Failures {
    std::uint64_t count = 0;
    std::string first;  // "http from 192.0.2.7:51234"
    std::string last;
  };
  void write(const Failures& failures) const;

  const base::FieldLog log_;
  base::Mutex mutex_;
  Failures untold_ NEXTID_GUARDED_BY(mutex_);
  base::MonotonicTime told_at_ NEXTID_GUARDED_BY(mutex_);
};

}  // namespace nextid::service
