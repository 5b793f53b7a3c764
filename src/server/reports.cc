#include "server/reports.h"

#include <utility>

#include "report/metrics_page.h"

namespace nextid::server {
namespace {

report::Reporter::Done answer(net::ReportSource::Done done, std::string_view content_type) {
  return [done = std::move(done), content_type](std::string page) {
    if (page.empty()) {
      return done(protocol::problem_reply(
          {.status = 503, .code = "unavailable", .detail = "The server is stopping."}));
    }
    done({.content_type = content_type, .no_store = true, .body = std::move(page)});
  };
}

}  // namespace

void Reports::report(const protocol::Metrics&, Done done) {
  reporter_.metrics(answer(std::move(done), report::kMetricsContentType));
}

void Reports::report(const protocol::Status& call, Done done) {
  reporter_.status(call.limit, answer(std::move(done), "application/json"));
}

}  // namespace nextid::server
