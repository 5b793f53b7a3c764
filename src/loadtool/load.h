// A load on ids: clients that ask as fast as they are answered, how long that took, and whether
// every id was new.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nextid/error.h"

#include "loadtool/id_source.h"

namespace nextid::loadtool {

struct Plan {
  std::size_t pipeline = 1;            ///< Requests of a client at a time.
  std::chrono::milliseconds duration;  ///< From the first request.
  std::uint64_t requests = 0;          ///< At most so many, of all clients together.
};

struct Progress {
  std::chrono::duration<double> elapsed;
  std::uint64_t ids = 0;
  std::uint64_t failures = 0;
};

struct Outcome {
  std::chrono::duration<double> elapsed{};
  std::uint64_t ids = 0;
  std::uint64_t failures = 0;  ///< Pipelines in which a request failed.
  std::string first_failure;
  /// One for each pipeline, in ascending order.
  std::vector<std::chrono::duration<float, std::micro>> latencies;
  std::optional<std::uint64_t> duplicate;     ///< An id that came twice.
  std::optional<std::uint64_t> out_of_order;  ///< One not above the same client's id before it.

  bool right() const noexcept { return !duplicate && !out_of_order; }
  /// `share` of the latencies, 0 ... 1, are at most this; 0 when there are none.
  double percentile_us(double share) const noexcept;
};

/// Runs each source in a thread of its own, and calls `on_progress` once a second. A client ends
/// after kFailuresToEnd failures in a row. Takes 12 bytes of memory a request.
Outcome run_load(const Plan& plan, std::vector<std::unique_ptr<IdSource>> sources,
                 const std::function<void(const Progress&)>& on_progress);
inline constexpr unsigned kFailuresToEnd = 10;

}  // namespace nextid::loadtool
