// What writes to the store came to lately, and what follows from it. Pure: it is told the times.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/clock.h"

namespace nextid::node {

/// A *trial* is a write that changes nothing, made for want of real ones.
///
///   Trouble: a trial failed, and writes have failed for kLasting without a success between. So a
///   failure by chance is no trouble, nor is one counter's own. Where no write ever succeeded, one
///   failed trial is enough. A trial that gets no answer for kSilence is trouble, too, and the
///   first one if it gets none for kPatience.
///   The first success ends it.
class WriteRecord {
 public:
  using Time = base::MonotonicTime;

  /// A success tells for so long that writes succeed; and trials are that far apart.
  static constexpr std::chrono::seconds kFresh{5};
  /// The same while writes fail.
  static constexpr std::chrono::seconds kLasting{1};
  static constexpr std::chrono::seconds kSilence{3};
  /// How long those who ask wait for a trial: they give up after a second, often.
  static constexpr std::chrono::milliseconds kPatience{500};

  /// A write succeeded, or failed for a reason that is the store's: not for a condition that did
  /// not hold, nor for a store that asks for fewer. Successes may be told late.
  void succeeded(Time at);
  void failed(std::string why, Time at);

  void trial_began(Time at) { trial_began_ = at; }
  /// One without a reason neither succeeded nor failed: the store asks for fewer writes.
  void trial_ended(bool succeeded, std::string why, Time at);
  bool is_trying() const noexcept { return trial_began_.has_value(); }
  /// When the trial under way began.
  Time trial_began() const noexcept { return trial_began_.value_or(Time()); }

  /// Nothing needs to be tried: a write succeeded within kFresh, and none failed since.
  bool is_fresh(Time now) const noexcept;
  /// The earliest time of the next trial.
  Time next_trial() const noexcept;
  /// Writes fail, and it is not known yet whether that lasts: another trial tells.
  bool is_unsure(Time now) const { return failing_since_ && trouble(now).empty(); }

  /// Why no write succeeds; empty while there is no such reason.
  std::string trouble(Time now) const;

 private:
  std::optional<Time> last_success_;
  std::optional<Time> failing_since_;  // The first failure since then.
  Time last_failure_;
  std::string why_;            // Of the last failure.
  bool trial_failed_ = false;  // Since the last success.
  std::optional<Time> trial_began_;
  std::optional<Time> trial_ended_;
};

}  // namespace nextid::node
