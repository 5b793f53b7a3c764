// check_history: checks recorded histories, all files together, against the invariants.
// Exit code: 0 they hold, 1 they don't, 2 the files or the options are unusable.
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "history/checker.h"
#include "history/history.h"

namespace {

using nextid::history::Expectations;
using nextid::history::History;
using nextid::history::Invariant;
using nextid::history::Report;

void print(const Report& report) {
  for (std::size_t i = 0; i < nextid::history::kInvariants; ++i) {
    const auto invariant = static_cast<Invariant>(i);
    const std::string name(to_string(invariant));
    for (const std::string& example : report.examples(invariant)) {
      std::printf("%s: %s\n", name.c_str(), example.c_str());
    }
    const std::uint64_t more = report.count(invariant) - report.examples(invariant).size();
    if (more > 0) std::printf("%s: and %ju more\n", name.c_str(), std::uintmax_t{more});
  }
  std::printf(
      "%s: %ju violations; %ju ids in %ju answers, %ju requests without ids, %ju counters\n",
      report.ok() ? "ok" : "FAILED", std::uintmax_t{report.total()}, std::uintmax_t{report.ids},
      std::uintmax_t{report.answered}, std::uintmax_t{report.unanswered},
      std::uintmax_t{report.counters});
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Checks recorded histories of nextid clients against the invariants I1 ... I6.");
  Expectations expected;
  std::vector<std::string> files;
  app.add_option("--counter", expected.counter, "Check only this counter; else each by itself");
  app.add_option("--start", expected.start, "First id of the counter")->capture_default_str();
  app.add_option("--increment", expected.increment, "Distance between ids; else as ranges show it");
  app.add_flag_callback(
      "--order-within-node", [&] { expected.order = Expectations::Order::kWithinNode; },
      "Ids are in order within one node only, as those of a cached counter");
  app.add_option("--max", expected.max, "No id may exceed it")->capture_default_str();
  app.add_option("--exact", expected.exact, "The ids are exactly the first N, with no gap");
  app.add_flag("--no-gap", expected.no_gap, "The ids are all up to the highest one");
  auto* value = app.add_option("--value", expected.value,
                               "The counter's value: ids answered and burned make up all to it");
  app.add_option("--burned", expected.burned, "Ids that nodes counted as burned")->needs(value);
  app.add_option("FILE", files, "Recorded histories")->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    History history;
    for (const std::string& file : files) read_history(file, history);
    if (history.records.empty()) {
      std::fprintf(stderr, "check_history: no records; an empty history proves nothing\n");
      return 2;
    }
    const Report report = check(history, expected);
    print(report);
    return report.ok() ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "check_history: %s\n", error.what());
    return 2;
  }
}
