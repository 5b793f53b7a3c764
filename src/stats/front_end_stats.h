// What the clients of one I/O thread ask for and get. A new call is a value of Route and a row of
// kRoutes.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "nextid/error.h"
#include "nextid/statistics.h"

#include "stats/tally.h"

namespace nextid::stats {

enum class Protocol : std::uint8_t { kHttp, kResp };
inline constexpr std::size_t kProtocols = 2;
/// "http", "resp"
std::string_view to_string(Protocol protocol) noexcept;

/// The calls that are told apart. Those of HTTP have the same name whatever path leads to them.
enum class Route : std::uint8_t {
  kNext,
  kRange,
  kList,
  kShow,
  kDefine,
  kAdvance,
  kHealth,
  kReady,
  kMetrics,
  kStatus,
  kPages,  // The page at /, its parts, and the documents of the API.
  kOtherHttp,
  kRespIncr,
  kRespIncrby,
  kRespGet,
  kRespMget,
  kRespExists,
  kRespType,
  kRespScan,
  kRespDbsize,
  kRespAuth,
  kRespPing,
  kOtherResp,
  kCount,
};
inline constexpr std::size_t kRouteCount = static_cast<std::size_t>(Route::kCount);

struct RouteLabel {
  Route route;
  Protocol protocol;
  std::string_view name;
};

inline constexpr std::array<RouteLabel, kRouteCount> kRoutes{{
    {Route::kNext, Protocol::kHttp, "next"},
    {Route::kRange, Protocol::kHttp, "range"},
    {Route::kList, Protocol::kHttp, "list"},
    {Route::kShow, Protocol::kHttp, "show"},
    {Route::kDefine, Protocol::kHttp, "define"},
    {Route::kAdvance, Protocol::kHttp, "advance"},
    {Route::kHealth, Protocol::kHttp, "healthz"},
    {Route::kReady, Protocol::kHttp, "readyz"},
    {Route::kMetrics, Protocol::kHttp, "metrics"},
    {Route::kStatus, Protocol::kHttp, "status"},
    {Route::kPages, Protocol::kHttp, "pages"},
    {Route::kOtherHttp, Protocol::kHttp, "other"},
    {Route::kRespIncr, Protocol::kResp, "INCR"},
    {Route::kRespIncrby, Protocol::kResp, "INCRBY"},
    {Route::kRespGet, Protocol::kResp, "GET"},
    {Route::kRespMget, Protocol::kResp, "MGET"},
    {Route::kRespExists, Protocol::kResp, "EXISTS"},
    {Route::kRespType, Protocol::kResp, "TYPE"},
    {Route::kRespScan, Protocol::kResp, "SCAN"},
    {Route::kRespDbsize, Protocol::kResp, "DBSIZE"},
    {Route::kRespAuth, Protocol::kResp, "AUTH"},
    {Route::kRespPing, Protocol::kResp, "PING"},
    {Route::kOtherResp, Protocol::kResp, "other"},
}};
// Each row is at its route's place.
static_assert([] {
  for (std::size_t i = 0; i < kRouteCount; ++i) {
    if (kRoutes[i].route != static_cast<Route>(i)) return false;
  }
  return true;
}());

/// How a request ended: kOk, or the code of its error, as problem documents have it.
enum class Ending : std::uint8_t {
  kOk,
  kInvalid,
  kUnauthorized,
  kForbidden,
  kNotFound,
  kMethodNotAllowed,
  kConflict,
  kExhausted,
  kTooLarge,
  kCorrupt,
  kOverloaded,
  kUnavailable,
  kDeadline,
  kOther,
};
inline constexpr std::size_t kEndings = 14;
/// "ok", "invalid", "not_found", ...
std::string_view to_string(Ending ending) noexcept;
/// kOther for a code that is none of these.
Ending ending_of(std::string_view code) noexcept;
Ending ending_of(ErrorCode code) noexcept;

/// The counts of one I/O thread, or of several together.
struct FrontEndCounts {
  std::array<std::array<std::uint64_t, kEndings>, kRouteCount> requests{};
  std::array<Durations, kProtocols> latencies;  ///< See FrontEndStats::answered().
  struct OfProtocol {
    std::uint64_t open_connections = 0;
    std::uint64_t connections = 0;  ///< Since the start.
    std::uint64_t received_bytes = 0;
    std::uint64_t sent_bytes = 0;
  };
  std::array<OfProtocol, kProtocols> protocols;

  std::uint64_t requests_in_all() const noexcept;
  FrontEndCounts& operator+=(const FrontEndCounts& other) noexcept;
};

/// Written by one thread, its I/O thread, with no more than plain loads and stores; read by any.
class FrontEndStats {
 public:
  void count(Route route, Ending ending) noexcept {
    requests_[static_cast<std::size_t>(route)][static_cast<std::size_t>(ending)].add();
  }
  /// `count` requests for ids, which were read at the same time, have their answers ready to be
  /// sent after `latency`.
  void answered(Protocol protocol, std::chrono::nanoseconds latency, std::uint64_t count) noexcept {
    latencies_[index(protocol)].add(latency, count);
  }
  void connection_opened(Protocol protocol) noexcept {
    protocols_[index(protocol)].open_connections.add();
    protocols_[index(protocol)].connections.add();
  }
  void connection_closed(Protocol protocol) noexcept {
    protocols_[index(protocol)].open_connections.subtract();
  }
  void received(Protocol protocol, std::size_t bytes) noexcept {
    protocols_[index(protocol)].received_bytes.add(bytes);
  }
  void sent(Protocol protocol, std::size_t bytes) noexcept {
    protocols_[index(protocol)].sent_bytes.add(bytes);
  }

  FrontEndCounts value() const noexcept;

 private:
  struct OfProtocol {
    Tally open_connections;
    Tally connections;
    Tally received_bytes;
    Tally sent_bytes;
  };

  static constexpr std::size_t index(Protocol protocol) noexcept {
    return static_cast<std::size_t>(protocol);
  }

  std::array<std::array<Tally, kEndings>, kRouteCount> requests_;
  std::array<DurationTally, kProtocols> latencies_;
  std::array<OfProtocol, kProtocols> protocols_;
};

}  // namespace nextid::stats
