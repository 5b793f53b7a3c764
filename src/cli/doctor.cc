// `nextid doctor`: looks at what a server would need here, and says what to do.
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "base/cat.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/server_options.h"
#include "doctor/checks.h"
#include "server/front_ends.h"

namespace nextid::cli {
namespace {

using base::cat;
using doctor::Finding;
using doctor::Findings;
using doctor::Verdict;

std::string_view text_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
      return "ok  ";
    case Verdict::kWarn:
      return "warn";
    case Verdict::kFail:
      return "FAIL";
  }
  return "FAIL";
}

Findings examine(const server::Config& config) {
  Findings findings{doctor::ok("options", "They are valid.")};
  const auto add = [&findings](Findings more) {
    for (Finding& finding : more) findings.push_back(std::move(finding));
  };
  add(doctor::check_clock(std::chrono::system_clock::now()));
  add(doctor::check_store(config.store, config.store_options));
  add(doctor::check_disk(config.store));
  for (const auto& front_end : server::front_end_kinds()) {
    const auto address = front_end.address(config);
    if (address) add(doctor::check_port(*address, front_end.name));
  }
  add(doctor::check_limits(config));
  return findings;
}

// Its exit code is the worst verdict: 0, 1 or 2.
int report_findings(const Findings& findings) {
  constexpr std::size_t kSubjectWidth = 12;
  Verdict worst = Verdict::kOk;
  std::string text;
  for (const Finding& finding : findings) {
    std::string subject = finding.subject;
    subject.resize(std::max(subject.size(), kSubjectWidth), ' ');
    text +=
        cat(text_of(finding.verdict), "  ", subject, "  ", for_terminal(finding.sentence), "\n");
    worst = std::max(worst, finding.verdict);
  }
  if (!write_output(text)) return static_cast<int>(Verdict::kFail);
  return static_cast<int>(worst);
}

int run_doctor(const server::ConfigSources& sources) {
  const auto config = server::load_config(sources);
  if (!config) return report_findings({doctor::fail("options", config.error().what())});
  return report_findings(examine(*config));
}

}  // namespace

void add_doctor(CLI::App& app, Outcome& outcome) {
  const auto sources = std::make_shared<server::ConfigSources>();
  auto* command =
      app.add_subcommand("doctor", "Check the store, credentials, clock, disk, ports and limits");
  add_server_options(*command, *sources);
  command->footer(
      "Looks at what `nextid serve` with the same options would use, and changes nothing: no "
      "counter, no store. One line a finding: ok, warn or FAIL. Exits 0 when all is ok, 1 with a "
      "warning, 2 with a failure.\n"
      "Examples:\n"
      "  nextid doctor --store sqlite:/var/lib/nextid/ids.db\n"
      "  nextid doctor --config /etc/nextid/nextid.toml");
  command->callback([sources, &outcome] { outcome.exit_code = run_doctor(*sources); });
}

}  // namespace nextid::cli
