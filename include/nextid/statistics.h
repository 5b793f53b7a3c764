// What an opened store is doing: for metrics, a dashboard, a health check. Plain values.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nextid/accounting.h"
#include "nextid/counter.h"

namespace nextid {

/// Upper bounds of the buckets of durations, in microseconds, each inclusive; longer durations have
/// a bucket of their own.
inline constexpr std::array<std::uint64_t, 19> kDurationBoundsUs{
    10,     25,     50,      100,     250,     500,       1'000,     2'500,     5'000,     10'000,
    25'000, 50'000, 100'000, 250'000, 500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000};

/// How long things took: entry i of `counts` counts those of bucket i.
struct Durations {
  std::array<std::uint64_t, kDurationBoundsUs.size() + 1> counts{};
  std::uint64_t sum_us = 0;

  std::uint64_t total() const noexcept;
  Durations& operator+=(const Durations& other) noexcept;
};

/// The bucket of a duration.
std::size_t duration_bucket(std::uint64_t duration_us) noexcept;

/// What the store was asked for.
enum class StoreCallKind : std::uint8_t {
  kLoad,
  kDefine,
  kRedefine,
  kReserve,
  kGiveBack,
  kAdvance,
  kRelease,
  kRecall,
  kRemember,
  kTryWrite,
};
inline constexpr std::size_t kStoreCallKinds = 10;
/// "load", "give_back", ...
std::string_view to_string(StoreCallKind kind) noexcept;

/// How a call of the store ended.
enum class StoreCallResult : std::uint8_t {
  kDone,        ///< As asked; also a read that found nothing.
  kRefused,     ///< Its condition did not hold, as when another node was faster.
  kThrottled,   ///< The store asks for fewer calls.
  kNotApplied,  ///< It failed, and certainly did nothing.
  kInDoubt,     ///< It failed, and may have been applied.
  kDamaged,     ///< The store has something that no counter can be.
};
inline constexpr std::size_t kStoreCallResults = 6;
/// "done", "not_applied", ...
std::string_view to_string(StoreCallResult result) noexcept;

/// The calls of the store since it was opened. Each attempt is one: repeats count again.
struct StoreCalls {
  struct OfKind {
    std::array<std::uint64_t, kStoreCallResults> results{};
    Durations durations;
  };
  std::array<OfKind, kStoreCallKinds> kinds;
  std::uint64_t under_way = 0;  ///< Now.
  /// What was paid for the calls that write: with SQLite each flush of the log, with PostgreSQL and
  /// MySQL each commit, which serve all calls that waited; with etcd and DynamoDB each write sent.
  std::uint64_t commits = 0;

  const OfKind& of(StoreCallKind kind) const noexcept {
    return kinds[static_cast<std::size_t>(kind)];
  }
};

/// What the opening of a store found.
struct StoreOpening {
  /// A random text that was made with the store, and only copies of it share; a DynamoDB table's
  /// TableId. Empty for a store in memory, and for a server that tells none.
  std::string identity = {};
  bool made = false;        ///< This opening made the store: its ids begin anew.
  std::string remark = {};  ///< A sentence about what can't be watched over here; mostly empty.
};

enum class HealthVerdict : std::uint8_t {
  kOk,
  kWarn,  ///< It works, and is likely to make trouble.
  kFail,  ///< It does not work.
};

/// A number that belongs to a fact, as in /metrics.
struct HealthFigure {
  std::string name;     ///< "credentials_expiry_timestamp_seconds": of the metric, behind nextid_.
  std::string meaning;  ///< A sentence.
  double value = 0;
};

/// What a store knows of one of its means, in its own words. None of them holds a secret.
struct HealthFact {
  std::string subject;  ///< "credentials"
  HealthVerdict verdict = HealthVerdict::kOk;
  std::string sentence;  ///< Unless all is well, also what to do.
  std::vector<HealthFigure> figures = {};
};

/// What a store knows about its own means; all empty for a store in this process or on its disk.
struct StoreHealth {
  /// Why no id of the store is given out any more, for good: a sentence that says what to run.
  /// Empty while there is no such reason (I8).
  std::string doubt = {};
  std::vector<HealthFact> facts = {};
  /// How far this machine's clock is ahead of the store's, by the last answer that told its time.
  std::optional<std::chrono::milliseconds> clock_ahead = {};
};

/// One counter in use by this process.
struct CounterActivity {
  std::string name;
  Accounting accounting;
  std::uint64_t waiting_requests = 0;  ///< Requests that wait for the store.
  std::uint64_t held_ids = 0;          ///< Reserved, and not asked for yet.
  /// The counter's value after this process's last reservation: other nodes may have gone on.
  std::optional<std::uint64_t> value = {};
  std::optional<Definition> definition = {};  ///< As this process last saw it.
  /// Why it gives no ids any more, for good: a sentence that says what to run. Empty while it does.
  std::string stopped = {};
};

/// What this process does with its counters, at one moment.
struct NodeActivity {
  Accounting accounting;                 ///< Of all counters, those no longer in use included.
  std::size_t counters_in_use = 0;       ///< Known to this process now.
  std::uint64_t waiting_requests = 0;    ///< Of all counters.
  std::uint64_t held_ids = 0;            ///< The same.
  std::vector<CounterActivity> busiest;  ///< Those that returned most ids, most first.
  std::size_t stopped_counters = 0;      ///< See CounterActivity::stopped.
  std::vector<CounterActivity> stopped;  ///< As many of them as were asked for, by name.
  /// Why the store takes no writes, as far as is known: see Store::async_check_writes(). Empty
  /// while it does.
  std::string write_trouble = {};
  /// Why StoreOptions::state_dir can't be written now; empty while it can.
  std::string state_dir_trouble = {};
};

}  // namespace nextid
