#include <chrono>
#include <cstdlib>
#include <ctime>

#include "base/cat.h"
#include "base/time_text.h"
#include "doctor/checks.h"

namespace nextid::doctor {
namespace {

using base::cat;

using namespace std::chrono_literals;

constexpr const char* kSubject = "clock";
// A time before this program was written.
constexpr auto kEarliest = std::chrono::sys_days(std::chrono::year(2025) / 1 / 1);
constexpr auto kLatest = std::chrono::sys_days(std::chrono::year(2100) / 1 / 1);

// The Date header has whole seconds, and its answer was under way for a while.
constexpr auto kExact = 2s;
constexpr auto kSuspicious = 30s;
// How far off the time of a signature may be for AWS.
constexpr auto kTooFar = 5min;

}  // namespace

Findings check_clock(std::chrono::system_clock::time_point now) {
  const std::string time = base::gmt_text(std::chrono::system_clock::to_time_t(now));
  if (now < kEarliest || now > kLatest) {
    return {fail(kSubject, cat("It is not ", time,
                               ". Set the clock: operations are numbered by it, and a counter used "
                               "with a wrong one may refuse this machine later."))};
  }
  return {ok(kSubject, cat("It is ", time, "."))};
}

Findings check_clock_ahead(std::chrono::milliseconds ahead) {
  const auto off = std::chrono::abs(ahead);
  const std::string difference =
      cat(off.count() / 1000, " s ", ahead.count() < 0 ? "behind" : "ahead of", " the store's");
  if (off <= kExact) return {ok(kSubject, "It agrees with the store's.")};
  if (off <= kSuspicious) return {ok(kSubject, cat("It is ", difference, "."))};
  const std::string advice =
      ". Have this machine's clock synchronised (chrony, systemd-timesyncd).";
  if (off <= kTooFar) return {warn(kSubject, cat("It is ", difference, advice))};
  return {fail(kSubject,
               cat("It is ", difference,
                   ": idempotency keys end at other times than they are to, and AWS refuses calls "
                   "beyond 5 minutes",
                   advice))};
}

}  // namespace nextid::doctor
