#include "server/reports.h"

#include <optional>
#include <string_view>

#include "report/metrics_page.h"

namespace nextid::server {
namespace {

Error stopping() { return Error(ErrorCode::kUnavailable, "The server is stopping."); }

report::Reporter::Done page_to(service::Done<service::Page> done, std::string_view content_type) {
  return [done = std::move(done), content_type](std::string page) {
    if (page.empty()) return done(stopping());
    done(service::Page{content_type, std::move(page)});
  };
}

}  // namespace

void Reports::report(const service::ShowMetrics& call, service::Done<service::Page> done) {
  const auto format =
      call.openmetrics ? report::MetricsFormat::kOpenMetrics : report::MetricsFormat::kText;
  reporter_.metrics(format, page_to(std::move(done), report::content_type_of(format)));
}

void Reports::report(const service::ShowStatus& call, service::Done<service::Page> done) {
  reporter_.status(call.limit, page_to(std::move(done), "application/json"));
}

void Reports::report(const service::SumUpIds&, service::Done<Accounting> done) {
  reporter_.accounting([done = std::move(done)](const std::optional<Accounting>& accounting) {
    accounting ? done(*accounting) : done(stopping());
  });
}

}  // namespace nextid::server
