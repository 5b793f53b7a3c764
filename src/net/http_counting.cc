#include "net/http_counting.h"

#include <array>
#include <variant>

namespace nextid::net {
namespace {

using stats::Route;

struct Visitor {
  std::string_view method;

  Route operator()(const protocol::Allocate& call) const noexcept {
    return call.range ? Route::kRange : Route::kNext;
  }
  Route operator()(const protocol::ListCounters&) const noexcept { return Route::kList; }
  Route operator()(const protocol::ShowCounter&) const noexcept { return Route::kShow; }
  Route operator()(const protocol::DefineCounter&) const noexcept { return Route::kDefine; }
  Route operator()(const protocol::AdvanceCounter&) const noexcept { return Route::kAdvance; }
  Route operator()(const protocol::Health&) const noexcept { return Route::kHealth; }
  Route operator()(const protocol::Ready&) const noexcept { return Route::kReady; }
  Route operator()(const protocol::Metrics&) const noexcept { return Route::kMetrics; }
  Route operator()(const protocol::Status&) const noexcept { return Route::kStatus; }
  Route operator()(const protocol::Problem& problem) const noexcept {
    const std::string_view path = problem.path;
    if (path.ends_with("/next")) return Route::kNext;
    if (path.ends_with("/range")) return Route::kRange;
    if (path.ends_with("/advance")) return Route::kAdvance;
    if (path.ends_with("/{name}")) return method == "PUT" ? Route::kDefine : Route::kShow;
    if (path == "/v1/counters") return Route::kList;
    if (path == "/v1/status") return Route::kStatus;
    return Route::kOtherHttp;
  }
};

}  // namespace

Route counted_as(const protocol::Route& route, std::string_view method) noexcept {
  return std::visit(Visitor{method}, route);
}

}  // namespace nextid::net
