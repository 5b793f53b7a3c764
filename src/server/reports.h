// The pages about this server, as answers of HTTP.
#pragma once

#include "net/report_source.h"
#include "report/reporter.h"

namespace nextid::server {

/// Thread-safe. See report::Reporter.
class Reports final : public net::ReportSource {
 public:
  Reports(Store store, report::Reporter::FrontEnd front_end)
      : reporter_(std::move(store), std::move(front_end)) {}

  void report(const protocol::Metrics& call, Done done) override;
  void report(const protocol::Status& call, Done done) override;
  std::string doubt() const override { return reporter_.doubt(); }

  /// Answers what was asked; what is asked later gets 503.
  void stop() { reporter_.stop(); }

 private:
  report::Reporter reporter_;
};

}  // namespace nextid::server
