// A rate per second, by what happened lately.
#pragma once

#include <cmath>

namespace nextid::report {

/// The weighted mean of what was counted: a count that is one time constant old weighs 1/e. From
/// the first sample on it is a mean over the time that was seen, not one that grows from zero.
class DecayingRate {
 public:
  explicit DecayingRate(double time_constant_s) noexcept : time_constant_s_(time_constant_s) {}

  /// `count` happened in the last `elapsed_s` seconds, more than 0.
  void add(double count, double elapsed_s) noexcept {
    const double weight = std::exp(-elapsed_s / time_constant_s_);
    count_ = count_ * weight + count;
    elapsed_s_ = elapsed_s_ * weight + elapsed_s;
  }

  /// 0 before the first sample.
  double per_second() const noexcept { return elapsed_s_ > 0 ? count_ / elapsed_s_ : 0; }

 private:
  double time_constant_s_;
  double count_ = 0;
  double elapsed_s_ = 0;
};

}  // namespace nextid::report
