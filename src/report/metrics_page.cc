#include "report/metrics_page.h"

#include <initializer_list>
#include <limits>
#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <utility>
#include <vector>

#include "nextid/version.h"

#include "report/openmetrics_text.h"
#include "report/process_figures.h"

namespace nextid::report {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::initializer_list<std::pair<const char*, std::string_view>>;

ClientMetric labelled(Labels labels) {
  ClientMetric metric;
  for (const auto& [name, value] : labels) metric.label.push_back({name, std::string(value)});
  return metric;
}

constexpr double kSecondsADay = 86'400;

double seconds_since_1970(std::chrono::system_clock::time_point time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

/// One observation as metric families, in the order of the page.
class ObservationMetrics final : public prometheus::Collectable {
 public:
  explicit ObservationMetrics(const Observation& observation) : observation_(observation) {}

  std::vector<MetricFamily> Collect() const override {
    Page page;
    add_process(page);
    add_requests(page);
    add_connections(page);
    add_limits(page);
    add_ids(page);
    add_batches(page);
    add_store_calls(page);
    add_doubts(page);
    add_store_health(page);
    add_counters(page);
    return std::move(page.families);
  }

 private:
  /// The families so far; metrics are added to the last one.
  struct Page {
    std::vector<MetricFamily> families;

    void begin(MetricType type, const std::string& name, const std::string& help) {
      families.push_back({name, help, type, {}});
    }
    void counter(Labels labels, double value) {
      ClientMetric metric = labelled(labels);
      metric.counter.value = value;
      families.back().metric.push_back(std::move(metric));
    }
    void gauge(Labels labels, double value) {
      ClientMetric metric = labelled(labels);
      metric.gauge.value = value;
      families.back().metric.push_back(std::move(metric));
    }
    void durations(Labels labels, const Durations& durations);

    void one_counter(const char* name, const char* help, std::uint64_t value) {
      begin(MetricType::Counter, name, help);
      counter({}, static_cast<double>(value));
    }
    void one_gauge(const std::string& name, const std::string& help, double value) {
      begin(MetricType::Gauge, name, help);
      gauge({}, value);
    }
  };

  void add_process(Page& page) const;
  void add_requests(Page& page) const;
  static void add_requests_of(const stats::FrontEndCounts& front_end, Page& page);
  void add_connections(Page& page) const;
  void add_limits(Page& page) const;
  void add_ids(Page& page) const;
  void add_batches(Page& page) const;
  void add_store_calls(Page& page) const;
  void add_doubts(Page& page) const;
  void add_store_health(Page& page) const;
  void add_counters(Page& page) const;

  const Observation& observation_;
};

void ObservationMetrics::Page::durations(Labels labels, const Durations& durations) {
  ClientMetric metric = labelled(labels);
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < durations.counts.size(); ++i) {
    cumulative += durations.counts[i];
    const double bound_s = i < kDurationBoundsUs.size()
                               ? static_cast<double>(kDurationBoundsUs[i]) / 1e6
                               : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({cumulative, bound_s});
  }
  metric.histogram.sample_count = cumulative;
  metric.histogram.sample_sum = static_cast<double>(durations.sum_us) / 1e6;
  families.back().metric.push_back(std::move(metric));
}

void ObservationMetrics::add_process(Page& page) const {
  page.begin(MetricType::Gauge, "nextid_build_info", "1; the labels say what runs.");
  page.gauge({{"version", kVersion}, {"compiler", __VERSION__}}, 1);
  page.one_gauge("nextid_uptime_seconds", "Time since this server started.",
                 observation_.uptime.count());
  page.one_gauge("process_start_time_seconds", "When this server started, since 1970.",
                 seconds_since_1970(observation_.started));
  const ProcessFigures process = process_figures();
  if (process.cpu_seconds) {
    page.begin(MetricType::Counter, "process_cpu_seconds_total", "CPU time used.");
    page.counter({}, *process.cpu_seconds);
  }
  const auto gauge = [&](const char* name, const char* help, std::optional<std::uint64_t> value) {
    if (value) page.one_gauge(name, help, static_cast<double>(*value));
  };
  gauge("process_resident_memory_bytes", "Memory in use.", process.resident_bytes);
  gauge("process_open_fds", "Open files and sockets.", process.open_files);
  gauge("process_max_fds", "Most files and sockets that may be open.", process.max_open_files);
  page.one_counter("nextid_log_lines_dropped_total",
                   "Log lines that were dropped, since standard error was not read in time.",
                   observation_.server.dropped_log_lines);
  page.one_counter("nextid_audit_lines_left_out_total",
                   "Lines of the audit log that were left out, by its limits or the disk's.",
                   observation_.server.left_out_audit_lines);
}

/// Series that alerts look at are there from the start: a rate does not see the first event of a
/// series that begins with it. They are every result of the calls that hand out ids, and the "ok"
/// of the others.
void ObservationMetrics::add_requests_of(const stats::FrontEndCounts& front_end, Page& page) {
  for (std::size_t route = 0; route < front_end.requests.size(); ++route) {
    const stats::RouteLabel& label = front_end.labels.routes[route];
    for (std::size_t ending = 0; ending < stats::kEndings; ++ending) {
      const std::uint64_t count = front_end.requests[route][ending];
      const bool from_the_start =
          label.gives_ids || ending == static_cast<std::size_t>(stats::Ending::kOk);
      if (count == 0 && !from_the_start) continue;
      page.counter({{"protocol", front_end.labels.name},
                    {"route", label.name},
                    {"result", to_string(static_cast<stats::Ending>(ending))}},
                   static_cast<double>(count));
    }
  }
}

void ObservationMetrics::add_requests(Page& page) const {
  page.begin(MetricType::Counter, "nextid_requests_total",
             "Requests answered, by what they asked for and how they ended.");
  for (const auto& front_end : observation_.server.front_ends) add_requests_of(front_end, page);
  page.begin(MetricType::Histogram, "nextid_allocation_duration_seconds",
             "From reading a request for ids to having its answer ready to send.");
  for (const auto& front_end : observation_.server.front_ends) {
    page.durations({{"protocol", front_end.labels.name}}, front_end.latencies);
  }
}

void ObservationMetrics::add_connections(Page& page) const {
  using Counts = stats::FrontEndCounts;
  const auto add = [&](MetricType type, const char* name, const char* help,
                       std::uint64_t Counts::*member) {
    page.begin(type, name, help);
    for (const Counts& front_end : observation_.server.front_ends) {
      const auto value = static_cast<double>(front_end.*member);
      const Labels labels{{"protocol", front_end.labels.name}};
      type == MetricType::Gauge ? page.gauge(labels, value) : page.counter(labels, value);
    }
  };
  add(MetricType::Gauge, "nextid_open_connections", "Clients that are connected.",
      &Counts::open_connections);
  add(MetricType::Counter, "nextid_connections_total", "Clients that have connected.",
      &Counts::connections);
  page.begin(MetricType::Counter, "nextid_connections_turned_away_total",
             "Clients that the server did not let in or in its own interest let go, by reason.");
  for (const Counts& front_end : observation_.server.front_ends) {
    for (std::size_t i = 0; i < stats::kTurnedAway; ++i) {
      page.counter({{"protocol", front_end.labels.name},
                    {"reason", to_string(static_cast<stats::TurnedAway>(i))}},
                   static_cast<double>(front_end.turned_away[i]));
    }
  }
  add(MetricType::Counter, "nextid_received_bytes_total", "Bytes read from clients.",
      &Counts::received_bytes);
  add(MetricType::Counter, "nextid_sent_bytes_total", "Bytes sent to clients.",
      &Counts::sent_bytes);
  const ServerCounts& server = observation_.server;
  page.one_gauge("nextid_client_memory_bytes", "Memory that the clients' connections hold.",
                 static_cast<double>(server.client_bytes));
  page.one_gauge("nextid_client_memory_limit_bytes",
                 "Memory that the clients' connections may hold together.",
                 static_cast<double>(server.max_client_bytes));
  page.one_counter("nextid_evicted_connections_total",
                   "Connections that were closed since they held too much memory.",
                   server.evicted_clients);
}

/// Without samples where there are no tokens.
void ObservationMetrics::add_limits(Page& page) const {
  const std::vector<LimitCounts>& limits = observation_.server.limits;
  page.begin(MetricType::Counter, "nextid_token_refusals_total",
             "Requests that were refused at a limit of their token.");
  for (const LimitCounts& limit : limits) {
    page.counter({{"token", limit.token}, {"limit", limit.limit}},
                 static_cast<double>(limit.refusals));
  }
  const auto gauges = [&](const char* name, const char* help,
                          std::optional<std::uint64_t> LimitCounts::*member) {
    page.begin(MetricType::Gauge, name, help);
    for (const LimitCounts& limit : limits) {
      const std::optional<std::uint64_t>& value = limit.*member;
      if (!value) continue;
      page.gauge({{"token", limit.token}, {"limit", limit.limit}}, static_cast<double>(*value));
    }
  };
  gauges("nextid_token_limit", "The limits of the tokens that are in force.", &LimitCounts::value);
  gauges("nextid_token_used", "What is used of these limits; of new-counters, in this day.",
         &LimitCounts::used);
}

void ObservationMetrics::add_ids(Page& page) const {
  const NodeActivity& node = observation_.node;
  page.one_counter("nextid_ids_returned_total", "Ids handed to clients.",
                   observation_.returned_so_far);
  page.begin(MetricType::Counter, "nextid_ids_burned_total",
             "Ids reserved in the store that reached no client, by reason.");
  for (std::size_t i = 0; i < kBurnReasons; ++i) {
    page.counter({{"reason", to_string(static_cast<BurnReason>(i))}},
                 static_cast<double>(node.accounting.burned[i]));
  }
  page.one_gauge("nextid_ids_held", "Ids reserved that nobody has asked for yet.",
                 static_cast<double>(node.held_ids));
  page.one_gauge("nextid_waiting_requests", "Requests for ids that wait for the store.",
                 static_cast<double>(node.waiting_requests));
  page.one_gauge("nextid_counters_in_use", "Counters that this server has in memory.",
                 static_cast<double>(node.counters_in_use));
}

void ObservationMetrics::add_batches(Page& page) const {
  const Accounting& accounting = observation_.node.accounting;
  page.one_counter("nextid_reservations_total", "Reservations that the store has applied.",
                   accounting.reservations);
  page.one_counter("nextid_store_writes_total", "Writes sent to the store, repeats included.",
                   accounting.store_writes);
  page.one_counter("nextid_store_commits_total",
                   "With SQLite, flushes of the log, and with PostgreSQL and MySQL, commits, each "
                   "for all writes that waited; with etcd and DynamoDB, each write that was sent.",
                   observation_.store_calls.commits);
  page.one_counter("nextid_refills_total", "Reservations made ahead of the demand.",
                   accounting.refills);
  page.one_counter("nextid_waits_total", "Requests for ids that waited for the store.",
                   accounting.waits);
  page.begin(MetricType::Histogram, "nextid_batch_requests",
             "Requests that shared one reservation; those made ahead of the demand not counted.");
  ClientMetric metric;
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < accounting.batch_sizes.size(); ++i) {
    cumulative += accounting.batch_sizes[i];
    const bool last = i + 1 == accounting.batch_sizes.size();
    const auto bound = static_cast<double>((std::uint64_t{2} << i) - 1);
    metric.histogram.bucket.push_back(
        {cumulative, last ? std::numeric_limits<double>::infinity() : bound});
  }
  metric.histogram.sample_count = cumulative;
  metric.histogram.sample_sum = static_cast<double>(accounting.waits);
  page.families.back().metric.push_back(std::move(metric));
}

/// All counts are there from the start, as for requests; the durations of a kind begin with its
/// first call.
void ObservationMetrics::add_store_calls(Page& page) const {
  const StoreCalls& calls = observation_.store_calls;
  const auto each = [&](auto add) {
    for (std::size_t i = 0; i < kStoreCallKinds; ++i) {
      const auto kind = static_cast<StoreCallKind>(i);
      add(to_string(kind), calls.of(kind));
    }
  };
  page.begin(MetricType::Counter, "nextid_store_calls_total",
             "Calls of the store, repeats included, by what they were for and how they ended.");
  each([&](std::string_view kind, const StoreCalls::OfKind& counts) {
    for (std::size_t i = 0; i < kStoreCallResults; ++i) {
      page.counter({{"call", kind}, {"result", to_string(static_cast<StoreCallResult>(i))}},
                   static_cast<double>(counts.results[i]));
    }
  });
  page.begin(MetricType::Histogram, "nextid_store_call_duration_seconds",
             "How long calls of the store took.");
  each([&](std::string_view kind, const StoreCalls::OfKind& counts) {
    if (counts.durations.total() > 0) page.durations({{"call", kind}}, counts.durations);
  });
  page.one_gauge("nextid_store_calls_in_flight", "Calls of the store that are not answered yet.",
                 static_cast<double>(calls.under_way));
}

void ObservationMetrics::add_doubts(Page& page) const {
  const NodeActivity& node = observation_.node;
  page.begin(MetricType::Gauge, "nextid_store_info", "1; the labels say which store this is.");
  page.gauge({{"identity", observation_.store_opening.identity},
              {"made", observation_.store_opening.made ? "true" : "false"}},
             1);
  page.one_gauge("nextid_store_in_doubt",
                 "1 while no id of the store is given out any more, since it is in doubt, else 0.",
                 observation_.store_health.doubt.empty() ? 0 : 1);
  page.one_gauge("nextid_counters_stopped",
                 "Counters that give no ids any more, since the store contradicts this node.",
                 static_cast<double>(node.stopped_counters));
  page.begin(MetricType::Gauge, "nextid_counters_stopped_info",
             "1 for each counter that has stopped, the first 100 by name.");
  for (const CounterActivity& counter : node.stopped) page.gauge({{"counter", counter.name}}, 1);
  page.one_gauge("nextid_store_takes_writes",
                 "1 while the store takes writes, as far as is known, else 0.",
                 node.write_trouble.empty() ? 1 : 0);
  page.one_gauge("nextid_state_dir_failing",
                 "1 while the state directory can't be written or read, else 0.",
                 node.state_dir_trouble.empty() ? 0 : 1);
}

void ObservationMetrics::add_store_health(Page& page) const {
  const StoreHealth& health = observation_.store_health;
  for (const HealthFact& fact : health.facts) {
    for (const HealthFigure& figure : fact.figures) {
      page.one_gauge("nextid_" + figure.name, figure.meaning, figure.value);
    }
  }
  if (health.clock_ahead) {
    page.one_gauge("nextid_clock_ahead_seconds",
                   "How far this machine's clock is ahead of the store's.",
                   std::chrono::duration<double>(*health.clock_ahead).count());
  }
}

void ObservationMetrics::add_counters(Page& page) const {
  const auto each = [&](MetricType type, const char* name, const char* help, auto value_of) {
    page.begin(type, name, help);
    for (const CounterObservation& counter : observation_.counters) {
      const std::optional<double> value = value_of(counter);
      if (!value) continue;
      const Labels labels{{"counter", counter.activity.name}};
      type == MetricType::Counter ? page.counter(labels, *value) : page.gauge(labels, *value);
    }
  };
  const auto number = [](const std::optional<std::uint64_t>& value) {
    return value ? std::optional<double>(static_cast<double>(*value)) : std::nullopt;
  };
  each(MetricType::Counter, "nextid_busiest_ids_returned_total",
       "Ids handed to clients, of the 100 counters that returned most since the start.",
       [](const CounterObservation& counter) {
         return std::optional<double>(static_cast<double>(counter.returned_so_far));
       });
  each(MetricType::Gauge, "nextid_last_reserved_id",
       "The last id reserved, after this server's last reservation.",
       [&](const CounterObservation& counter) { return number(counter.activity.value); });
  each(MetricType::Gauge, "nextid_remaining_ids", "Ids between the value and max.",
       [&](const CounterObservation& counter) { return number(counter.remaining); });
  each(MetricType::Gauge, "nextid_time_to_exhaustion_seconds",
       "Time until max is reached at the rate of the last hours: the mean growth of the value, in "
       "which an hour counts half as much as one four hours later; +Inf while nothing is used.",
       [](const CounterObservation& counter) -> std::optional<double> {
         if (!counter.remaining) return std::nullopt;
         return counter.days_to_exhaustion.value_or(std::numeric_limits<double>::infinity()) *
                kSecondsADay;
       });
}

}  // namespace

std::string_view content_type_of(MetricsFormat format) {
  if (format == MetricsFormat::kOpenMetrics) return kOpenMetricsContentType;
  return "text/plain; version=0.0.4; charset=utf-8";
}

std::string metrics_page(const Observation& observation, MetricsFormat format) {
  const auto families = ObservationMetrics(observation).Collect();
  if (format == MetricsFormat::kOpenMetrics) return openmetrics_text(families);
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace nextid::report
