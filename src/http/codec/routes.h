// From a request to what it asks for, or why it is refused. Pure: no I/O, no state; `GET /next`
// takes no allocation. A new call is a row of the table in routes.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "nextid/counter.h"

#include "http/codec/id_format.h"
#include "http/codec/preconditions.h"
#include "http/codec/problem.h"
#include "http/codec/request.h"
#include "service/call.h"
#include "stats/route_labels.h"
#include "web/asset.h"

namespace nextid::http {

/// .../next and .../range?count=N
struct Allocate {
  static constexpr service::Needs kNeeds = service::kTakesIds;

  std::string counter{kDefaultCounter};  ///< A counter name.
  std::uint64_t count = 1;               ///< 1 ... max_range.
  bool range = false;                    ///< Answer {"start":...} and not {"id":...}.
  IdFormat ids = IdFormat::kNumber;      ///< How ids are written in the answer.
  std::string key;                       ///< An idempotency key, or "" for none.
};

/// What service::Service is asked for, and how the ids in its answer are written.
struct ServiceCall {
  std::variant<service::ListCounters, service::ShowCounter, service::DefineCounter,
               service::AdvanceCounter, service::CheckReady, service::ShowMetrics,
               service::ShowStatus>
      call;
  IdFormat ids = IdFormat::kNumber;
  Preconditions conditions = {};  ///< Of a ShowCounter. A DefineCounter has its own.
  bool tells_why = false;         ///< Of a CheckReady: whether its sender may know the reason.
  /// Of a call that changes a counter: whether its sender may also look at it.
  bool shows_counter = true;
};

/// GET /healthz: this process answers.
struct Health {
  static constexpr service::Needs kNeeds = service::kEveryone;
};

/// GET /, /docs, /openapi.json, /assets/...
struct ShowAsset {
  static constexpr service::Needs kNeeds = service::kEveryone;

  const web::Asset* asset;  ///< Never null. For /openapi.json, OpenApiDocument has what is sent.
  IdFormat ids = IdFormat::kNumber;
  Preconditions conditions;
};

/// OPTIONS of a path that is there, or of *: the answer names the methods that it takes.
struct ShowOptions {
  static constexpr service::Needs kNeeds = service::kEveryone;

  std::string_view allow;
};

using Call = std::variant<Allocate, ServiceCall, Health, ShowOptions, ShowAsset, Problem>;

struct Routed {
  Call call;
  /// For a Problem, the needs of the call that was asked for.
  service::Needs needs = service::kEveryone;
  /// A refused request counts as the call that was asked for.
  stats::Route counted_as = stats::kOtherRoute;

  /// The counter that it names; "" for none. A view of `call`.
  std::string_view counter() const noexcept;
};

/// The calls that metrics tell apart. Several paths may have one name.
extern const stats::FrontEndLabels kLabels;

/// Whether it asks if the server can give ids: GET /readyz.
bool is_question_of_readiness(const Call& call) noexcept;
/// Whether it asks if the server is well: of load balancers and the like.
bool is_question_of_health(const Call& call) noexcept;
/// The same, or for metrics: what monitors ask of a full server, too.
bool is_probe(const Call& call) noexcept;

/// `max_range` is the largest count of one request. Takes HEAD where GET allocates nothing; the
/// caller then leaves out the body of the answer.
Routed route_of(const Request& request, std::uint64_t max_range);

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
  bool takes_conditions;                    ///< If-Match, If-None-Match
  bool takes_body;                          ///< A JSON object
};
std::vector<CallDescription> describe_calls();

}  // namespace nextid::http
