// What callers may ask of the store and of this server, in no protocol's words. Ids are not among
// these calls: a connection takes them through its batch, from an IdGenerator.
//
// Each call says who may ask for it (kNeeds) and what it is answered with (Answer), or an Error. A
// new one is a struct here and a start() of Service.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nextid/accounting.h"
#include "nextid/counter.h"
#include "nextid/error.h"
#include "nextid/store.h"

#include "service/needs.h"

namespace nextid::service {

struct ListCounters {
  using Answer = CounterPage;
  static constexpr Needs kNeeds = kLists;

  std::string after;        ///< "" or a counter name.
  std::size_t limit = 100;  ///< 1 ... kMostListed.
};
inline constexpr std::size_t kMostListed = 1000;

struct ShowCounter {
  using Answer = CounterInfo;
  static constexpr Needs kNeeds = kLooksAt;

  std::string counter;
};

/// A name that is no counter name is answered with kNotFound. One that is there several times is
/// looked up once.
struct FindCounters {
  using Answer = std::vector<Result<CounterInfo>>;  ///< In the order of `counters`.
  static constexpr Needs kNeeds = kLooksAt;

  std::vector<std::string> counters;  ///< At most kMostFound.
};
inline constexpr std::size_t kMostFound = 100;

/// Reads the whole list, unless it is long and was read within the last second (counter_count.h).
struct CountCounters {
  using Answer = std::uint64_t;
  static constexpr Needs kNeeds = kCounts;
};

struct DefineCounter {
  using Answer = DefinedCounter;
  static constexpr Needs kNeeds = kDefines;

  std::string counter;
  DefinitionChange change;
  Store::DefinitionCondition condition = {};
};

struct AdvanceCounter {
  using Answer = CounterInfo;
  static constexpr Needs kNeeds = kDefines;

  std::string counter;
  std::uint64_t to = 1;  ///< 1 ... kMaxId.
};

/// Whether the server can give ids: the store takes writes, and is in no doubt.
struct CheckReady {
  struct Answer {
    /// Why ids are not given out any more; "" where they are. See Reports::doubt().
    std::string doubt;
  };
  static constexpr Needs kNeeds = kEveryone;
};

/// A page about this server.
struct Page {
  std::string_view content_type;  ///< Static text.
  std::string text;
};

/// In Prometheus' text format.
struct ShowMetrics {
  using Answer = Page;
  static constexpr Needs kNeeds = kInspects;

  bool openmetrics = false;  ///< As OpenMetrics instead.
};

/// Where the ids of this process went, all counters together.
struct SumUpIds {
  using Answer = Accounting;
  static constexpr Needs kNeeds = kInspects;
};

/// For a dashboard, as JSON.
struct ShowStatus {
  using Answer = Page;
  static constexpr Needs kNeeds = kInspects;

  std::size_t limit = 20;  ///< How many of the busiest counters, 1 ... kMostInStatus.
};
inline constexpr std::size_t kMostInStatus = 100;

}  // namespace nextid::service
