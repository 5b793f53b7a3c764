// What the clients of a front end ask for and get.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "nextid/error.h"
#include "nextid/statistics.h"

#include "stats/route_labels.h"
#include "stats/tally.h"

namespace nextid::stats {

/// How a request ended: kOk, or the code of its error, as problem documents have it.
enum class Ending : std::uint8_t {
  kOk,
  kInvalid,
  kUnauthorized,
  kForbidden,
  kNotFound,
  kMethodNotAllowed,
  kConflict,
  kPreconditionFailed,
  kExhausted,
  kTooLarge,
  kCorrupt,
  kOverloaded,
  kUnavailable,
  kDeadline,
  kOther,
};
inline constexpr std::size_t kEndings = 15;
/// "ok", "invalid", "not_found", ...
std::string_view to_string(Ending ending) noexcept;
/// kOther for a code that is none of these.
Ending ending_of(std::string_view code) noexcept;
Ending ending_of(ErrorCode code) noexcept;

/// Why the server, and not the client, ended a connection that was well-behaved or yet unknown.
enum class TurnedAway : std::uint8_t {
  kLimit,     ///< There was no place for it.
  kMadeWay,   ///< It had not signed in, and its place was for another one.
  kNoSignIn,  ///< It did not sign in in time.
};
inline constexpr std::size_t kTurnedAway = 3;
/// "limit", "made_way", "no_sign_in"
std::string_view to_string(TurnedAway reason) noexcept;

/// Of one front end: the counts of one I/O thread, or of several together.
struct FrontEndCounts {
  FrontEndLabels labels;
  std::vector<std::array<std::uint64_t, kEndings>> requests;  ///< By route, then by ending.
  Durations latencies;                                        ///< See FrontEndStats::answered().
  std::uint64_t open_connections = 0;
  std::uint64_t connections = 0;                         ///< Since the start.
  std::array<std::uint64_t, kTurnedAway> turned_away{};  ///< The same, by the reason.
  std::uint64_t received_bytes = 0;
  std::uint64_t sent_bytes = 0;

  std::uint64_t requests_in_all() const noexcept;
  /// `other` is of the same front end.
  FrontEndCounts& operator+=(const FrontEndCounts& other) noexcept;
};

/// Written by one thread, its I/O thread, with no more than plain loads and stores; read by any.
class FrontEndStats {
 public:
  explicit FrontEndStats(const FrontEndLabels& labels)
      : labels_(labels), requests_(labels.routes.size() * kEndings) {}

  const FrontEndLabels& labels() const noexcept { return labels_; }

  void count(Route route, Ending ending) noexcept {
    requests_[route * kEndings + static_cast<std::size_t>(ending)].add();
  }
  /// `count` requests for ids were read at the same time, and their answers were ready to be sent
  /// after `latency`.
  void answered(std::chrono::nanoseconds latency, std::uint64_t count) noexcept {
    latencies_.add(latency, count);
  }
  void connection_opened() noexcept {
    open_connections_.add();
    connections_.add();
  }
  void connection_closed() noexcept { open_connections_.subtract(); }
  void turned_away(TurnedAway reason) noexcept {
    turned_away_[static_cast<std::size_t>(reason)].add();
  }
  void received(std::size_t bytes) noexcept { received_bytes_.add(bytes); }
  void sent(std::size_t bytes) noexcept { sent_bytes_.add(bytes); }

  FrontEndCounts value() const;

 private:
  const FrontEndLabels labels_;
  std::vector<Tally> requests_;  // By route, then by ending.
  DurationTally latencies_;
  Tally open_connections_;
  Tally connections_;
  std::array<Tally, kTurnedAway> turned_away_;
  Tally received_bytes_;
  Tally sent_bytes_;
};

}  // namespace nextid::stats
