// From a request to what it asks for, or why it is refused. Pure: no I/O, no
// state; `GET /next` takes no allocation. A new call is a row of the table in http_routes.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "nextid/counter.h"

#include "auth/right.h"
#include "protocol/http_problem.h"
#include "protocol/http_request.h"
#include "protocol/id_format.h"
#include "stats/front_end_stats.h"
#include "web/asset.h"

namespace nextid::protocol {

/// .../next and .../range?count=N
struct Allocate {
  std::string counter{kDefaultCounter};  ///< A counter name.
  std::uint64_t count = 1;               ///< 1 ... max_range.
  bool range = false;                    ///< Answer {"start":...} and not {"id":...}.
  IdFormat ids = IdFormat::kNumber;      ///< Answer numbers as text: JavaScript's end at 2^53.
  std::string key;                       ///< An idempotency key, or "" for none.
};

/// GET /v1/counters?after=NAME&limit=N
struct ListCounters {
  std::string after;        ///< "" or a counter name.
  std::size_t limit = 100;  ///< 1 ... kMaxListLimit.
  IdFormat ids = IdFormat::kNumber;
};
inline constexpr std::size_t kMaxListLimit = 1000;

/// GET /v1/counters/{name}
struct ShowCounter {
  std::string name;
  IdFormat ids = IdFormat::kNumber;
};

/// PUT /v1/counters/{name}
struct DefineCounter {
  std::string name;
  DefinitionChange change;
  IdFormat ids = IdFormat::kNumber;
};

/// POST /v1/counters/{name}/advance
struct AdvanceCounter {
  std::string name;
  std::uint64_t to = 1;  ///< 1 ... kMaxId.
  IdFormat ids = IdFormat::kNumber;
};

/// GET /healthz: this process answers.
struct Health {};

/// GET /readyz: the store answers.
struct Ready {};

/// GET /metrics: what this process does, in Prometheus' text format.
struct Metrics {};

/// GET /v1/status?limit=N: the same, for a dashboard.
struct Status {
  std::size_t limit = 20;  ///< Of the busiest counters, 1 ... kMaxStatusLimit.
};
inline constexpr std::size_t kMaxStatusLimit = 100;

/// GET /, /docs, /openapi.json, /assets/...
struct ShowAsset {
  const web::Asset* asset;  ///< Never null.
  std::string if_none_match;
};

using HttpCall = std::variant<Allocate, ListCounters, ShowCounter, DefineCounter, AdvanceCounter,
                              Health, Ready, Metrics, Status, ShowAsset, Problem>;

struct Routed {
  HttpCall call;
  /// What a caller needs to be allowed, where servers ask for tokens; none for the calls that
  /// everyone may do. A Problem has the right of the call that it was to be.
  std::optional<auth::Right> right = {};
  /// A refused request counts as the call that it was to be.
  stats::Route counted_as = stats::Route::kOtherHttp;

  /// Whether it takes ids or changes something.
  bool acts() const noexcept { return right && *right != auth::Right::kRead; }
  /// The counter that it concerns; "" when that is none, or all. A view of `call`.
  std::string_view counter() const noexcept;
};

/// `max_range` is the largest count of one request. Takes HEAD where GET allocates nothing; the
/// caller leaves the body of its answer out.
Routed route_of(const HttpRequest& request, std::uint64_t max_range);

/// A row of the table, for what must agree with it: the OpenAPI document.
struct CallDescription {
  struct Parameter {
    std::string_view name;
    bool required;
  };
  std::string_view path;                    ///< "/v1/counters/{name}"
  std::vector<std::string_view> methods;    ///< Of this row; another may have the same path.
  std::vector<Parameter> query_parameters;  ///< In no order.
  bool takes_key;                           ///< Idempotency-Key
  bool takes_body;                          ///< A JSON object
};
std::vector<CallDescription> describe_calls();

}  // namespace nextid::protocol
