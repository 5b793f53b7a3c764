// The pages about this server.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "report/reporter.h"
#include "service/reports.h"

namespace nextid::server {

/// Thread-safe. See report::Reporter.
class Reports final : public service::Reports {
 public:
  Reports(Store store, report::Reporter::Server server)
      : reporter_(std::move(store), std::move(server)) {}

  void report(const service::ShowMetrics& call, service::Done<service::Page> done) override;
  void report(const service::ShowStatus& call, service::Done<service::Page> done) override;
  void report(const service::SumUpIds& call, service::Done<Accounting> done) override;
  std::string doubt() const override { return reporter_.doubt(); }

  std::uint64_t counters_in_use() const { return reporter_.counters_in_use(); }

  /// Answers the calls so far; later ones are answered with kUnavailable.
  void stop() { reporter_.stop(); }

 private:
  report::Reporter reporter_;
};

}  // namespace nextid::server
