// Keeps lines that are alike from filling a log.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace nextid::server {

/// Lines are alike when they differ in numbers and in what is in quotes alone. Not thread-safe.
class RepeatLimit {
 public:
  /// Of lines that are alike, so many pass in each period.
  static constexpr std::uint64_t kMostAlike = 10;
  static constexpr std::chrono::seconds kPeriod{10};

  /// Nothing where the line is one too many; else how many that are like it were left out before.
  std::optional<std::uint64_t> pass(std::string_view line, base::MonotonicTime now);

 private:
  struct Kind {
    base::MonotonicTime period_begin;
    std::uint64_t passed = 0;  // In this period.
    std::uint64_t left_out = 0;
  };
  // Beyond so many kinds all are forgotten: there are no more sentences than that.
  static constexpr std::size_t kMostKinds = 1024;

  std::map<std::uint64_t, Kind> kinds_;  // By the hash of what they have in common.
};

}  // namespace nextid::server
