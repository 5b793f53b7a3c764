#include "report/status_page.h"

#include <algorithm>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "nextid/version.h"

#include "base/utf8.h"

namespace nextid::report {
namespace {

namespace json = boost::json;

json::string text(std::string_view from) { return json::string(from.data(), from.size()); }

// JSON is UTF-8, and the path of a store may be anything.
std::string as_utf8(std::string bytes) {
  if (base::is_utf8(bytes)) return bytes;
  std::replace_if(
      bytes.begin(), bytes.end(), [](char c) { return (c & 0x80) != 0; }, '?');
  return bytes;
}

template <typename Numbers>
json::array array_of(const Numbers& numbers) {
  return json::array(numbers.begin(), numbers.end());
}

json::object burned_json(const Accounting& accounting) {
  json::object reasons;
  for (std::size_t i = 0; i < kBurnReasons; ++i) {
    const auto name = to_string(static_cast<BurnReason>(i));
    reasons[json::string_view(name.data(), name.size())] = accounting.burned[i];
  }
  return reasons;
}

using FrontEnds = std::vector<stats::FrontEndCounts>;

std::uint64_t requests_in_all(const FrontEnds& front_ends) {
  std::uint64_t sum = 0;
  for (const auto& front_end : front_ends) sum += front_end.requests_in_all();
  return sum;
}

json::object latency_json(const FrontEnds& front_ends) {
  Durations all;
  for (const auto& front_end : front_ends) all += front_end.latencies;
  return {{"bounds", array_of(kDurationBoundsUs)}, {"counts", array_of(all.counts)}};
}

json::object connections_json(const FrontEnds& front_ends) {
  json::object connections;
  for (const auto& front_end : front_ends) {
    connections[text(front_end.labels.name)] = front_end.open_connections;
  }
  return connections;
}

json::value text_or_null(const std::optional<std::uint64_t>& number) {
  return number ? json::value(text(std::to_string(*number))) : json::value(nullptr);
}

/// Of the definition, what a chart of the counter needs; GET /v1/counters has all of it.
json::object counter_json(const CounterObservation& counter) {
  const CounterActivity& activity = counter.activity;
  const Definition definition = activity.definition.value_or(Definition{});
  return {
      {"name", text(activity.name)},
      {"value", text_or_null(activity.value)},
      {"increment", text(std::to_string(definition.increment))},
      {"max", text(std::to_string(definition.max))},
      {"cache", definition.cache},
      {"mode", definition.cache > 1 ? "cached" : "strict"},
      {"returned", activity.accounting.returned},
      {"burned", activity.accounting.burned_total()},
      {"rate", counter.ids_per_second},
      {"remaining", text_or_null(counter.remaining)},
      {"days_to_exhaustion", counter.days_to_exhaustion ? json::value(*counter.days_to_exhaustion)
                                                        : json::value(nullptr)},
  };
}

json::object stopped_json(const NodeActivity& node) {
  json::array counters;
  for (const CounterActivity& counter : node.stopped) {
    counters.push_back(
        json::object{{"name", text(counter.name)}, {"why", text(as_utf8(counter.stopped))}});
  }
  return {{"count", node.stopped_counters}, {"counters", std::move(counters)}};
}

json::array limits_reached_json(const std::vector<LimitCounts>& limits) {
  json::array reached;
  for (const LimitCounts& limit : limits) {
    if (limit.refusals == 0) continue;
    reached.push_back(
        json::object{{"token", text(limit.token)},
                     {"limit", text(limit.limit)},
                     {"value", limit.value ? json::value(*limit.value) : json::value(nullptr)},
                     {"refusals", limit.refusals}});
  }
  return reached;
}

std::vector<const CounterObservation*> busiest_now(const Observation& observation,
                                                   std::size_t limit) {
  std::vector<const CounterObservation*> counters;
  for (const CounterObservation& counter : observation.counters) counters.push_back(&counter);
  std::stable_sort(counters.begin(), counters.end(), [](const auto* a, const auto* b) {
    return a->ids_per_second > b->ids_per_second;
  });
  counters.resize(std::min(limit, counters.size()));
  return counters;
}

}  // namespace

std::string status_page(const Observation& observation, std::size_t limit) {
  const Accounting& accounting = observation.node.accounting;
  json::array counters;
  for (const auto* counter : busiest_now(observation, limit)) {
    counters.push_back(counter_json(*counter));
  }
  return json::serialize(json::object{
      {"version", text(kVersion)},
      {"uptime_seconds", observation.uptime.count()},
      {"store", text(as_utf8(observation.store_url))},
      {"store_identity", text(as_utf8(observation.store_opening.identity))},
      {"store_made", observation.store_opening.made},
      {"doubt", text(as_utf8(observation.store_health.doubt))},
      {"stopped", stopped_json(observation.node)},
      {"write_trouble", text(as_utf8(observation.node.write_trouble))},
      {"state_dir_trouble", text(as_utf8(observation.node.state_dir_trouble))},
      {"now_ms",
       std::chrono::duration_cast<std::chrono::milliseconds>(observation.now.time_since_epoch())
           .count()},
      {"ids_returned", accounting.returned},
      {"ids_burned", burned_json(accounting)},
      {"store_writes", accounting.store_writes},
      {"store_commits", observation.store_calls.commits},
      {"reservations", accounting.reservations},
      {"refills", accounting.refills},
      {"waits", accounting.waits},
      {"requests", requests_in_all(observation.server.front_ends)},
      {"waiting", observation.node.waiting_requests},
      {"connections", connections_json(observation.server.front_ends)},
      {"limits_reached", limits_reached_json(observation.server.limits)},
      {"latency_us", latency_json(observation.server.front_ends)},
      {"batch_sizes", array_of(accounting.batch_sizes)},
      {"counters", std::move(counters)},
  });
}

}  // namespace nextid::report
