// All that the pages about a node show, as it was at one moment.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nextid/statistics.h"

#include "stats/front_end_stats.h"

namespace nextid::report {

/// A counter, how fast it goes, and how far it has to go.
struct CounterObservation {
  CounterActivity activity;
  /// As in `activity`, but never falling: ids that turn out to have reached no caller are
  /// subtracted only as new ones are added, since Prometheus takes a fall for a restart.
  std::uint64_t returned_so_far = 0;
  double ids_per_second = 0;  ///< Returned by this process, in the last seconds.
  /// Ids that fit between the value and max; none while the definition is not known.
  std::optional<std::uint64_t> remaining = {};
  /// At the rate at which the value grew in the last hours; none if it did not grow.
  std::optional<double> days_to_exhaustion = {};
};

/// A limit of one token, and what is used of it.
struct LimitCounts {
  std::string token;                        ///< Its name.
  std::string_view limit;                   ///< "counters-in-use". Static text.
  std::optional<std::uint64_t> value = {};  ///< Nothing: no limit any more.
  std::optional<std::uint64_t> used = {};   ///< Nothing where that is not counted, as for rates.
  std::uint64_t refusals = 0;               ///< Requests refused at it since the start.
};

/// What a server counts beside its store.
struct ServerCounts {
  std::vector<stats::FrontEndCounts> front_ends;
  std::uint64_t client_bytes = 0;  ///< Of memory, that the clients' connections hold.
  std::uint64_t max_client_bytes = 0;
  std::uint64_t evicted_clients = 0;       ///< Closed since they held too much.
  std::uint64_t left_out_audit_lines = 0;  ///< Since the start.
  std::uint64_t dropped_log_lines = 0;     ///< Since the start; nobody read them in time.
  std::vector<LimitCounts> limits = {};
};

struct Observation {
  std::string store_url;
  StoreOpening store_opening;
  std::chrono::system_clock::time_point started;
  std::chrono::system_clock::time_point now;
  std::chrono::duration<double> uptime{0};

  NodeActivity node;                         ///< Its `busiest` are in `counters`.
  std::uint64_t returned_so_far = 0;         ///< See CounterObservation.
  std::vector<CounterObservation> counters;  ///< The kObservedCounters that returned most ids.
  StoreCalls store_calls;
  StoreHealth store_health;
  ServerCounts server;
};

inline constexpr std::size_t kObservedCounters = 100;

/// Why ids of the store, or of some of its counters, are not given out any more: a sentence. Empty
/// while there is no such reason.
std::string doubt_of(const StoreHealth& health, const NodeActivity& node);

}  // namespace nextid::report
