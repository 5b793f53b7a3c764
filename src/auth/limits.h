// How much the holders of one token may use of a server. The token file says it, at a line's end:
//
//   partner  sha256:9f86d081...  allocate  b:*  counters-in-use=1000 keys=5000
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "nextid/error.h"

namespace nextid::auth {

/// Each is of one server process. Nothing: the default, which docs/security.md has.
struct Limits {
  std::optional<std::uint64_t> counters_in_use =
      {};                                          ///< In memory at a time, by this token's calls.
  std::optional<std::uint64_t> new_counters = {};  ///< Made on first use or defined, in a day.
  std::optional<std::uint64_t> keys = {};          ///< New idempotency keys, in their retention.
  std::optional<std::uint64_t> waiting = {};       ///< Requests for ids that wait at a time.
  std::optional<std::uint64_t> ids_per_second = {};       ///< Taken. The default is no limit.
  std::optional<std::uint64_t> requests_per_second = {};  ///< Of any kind. The same.

  friend bool operator==(const Limits&, const Limits&) = default;
};

/// One of them.
enum class Limit : std::uint8_t {
  kCountersInUse,
  kNewCounters,
  kKeys,
  kWaiting,
  kIdsPerSecond,
  kRequestsPerSecond,
};
inline constexpr std::size_t kLimits = 6;
/// As the file has it: "counters-in-use".
std::string_view to_string(Limit limit) noexcept;
std::optional<std::uint64_t> value_of(const Limits& limits, Limit limit) noexcept;

/// Whether a word of a token's line is for set_limit().
constexpr bool is_limit(std::string_view word) noexcept {
  return word.find('=') != std::string_view::npos;
}

/// Sets what a word such as `keys=5000` says. kInvalid: no such limit, one that is set already, or
/// no whole number from 1 up.
Result<void> set_limit(Limits& limits, std::string_view word);

}  // namespace nextid::auth
