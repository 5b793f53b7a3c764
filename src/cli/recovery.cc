#include "cli/recovery.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <unistd.h>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "nextid/store.h"

#include "base/cat.h"
#include "base/checked.h"
#include "base/quoting.h"
#include "cli/commands.h"
#include "cli/counter_table.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/server_options.h"
#include "cli/value_options.h"
#include "node/node.h"
#include "state/state_file.h"
#include "store/backup.h"
#include "store/factory.h"

namespace nextid::cli {
namespace {

using base::cat;

constexpr std::chrono::seconds kCloseLimit{2};
constexpr std::size_t kMostMarks = 100'000'000;

using Values = std::map<std::string, std::uint64_t>;

/// A counter, and where it is to go on.
struct Step {
  CounterInfo counter;
  std::uint64_t to = 0;  ///< 0: it stays unused.

  bool moves() const noexcept { return to > counter.value.value_or(0); }
};

Error invalid(const std::string& sentence) { return Error(ErrorCode::kInvalid, sentence); }

Result<Store> open_as_it_is(const RecoveryRequest& request, const std::string& url) {
  StoreOptions options;
  options.log = [](LogLevel, const std::string& line) { tell(line); };
  auto driver = store::open_driver(
      url,
      {.create = false, .accept_copy = false, .accept_as_is = request.all, .log = options.log});
  if (!driver) return driver.error();
  return Store(node::Node::create(url, *std::move(driver), std::move(options)));
}

/// Opens the state of a directory that exists; none where there is none: losing it is safe.
Result<std::unique_ptr<state::StateFile>> open_state(const std::string& directory) {
  if (directory.empty()) return std::unique_ptr<state::StateFile>();
  auto file = state::StateFile::open(directory, state::StateFile::Making::kNothing);
  if (!file && file.error().code() == ErrorCode::kNotFound) {
    return std::unique_ptr<state::StateFile>();
  }
  return file;
}

/// The values of counters that are known elsewhere: no id up to them may be given again.
Result<Values> known_values(const RecoveryRequest& request, const state::StateFile* state) {
  Values known;
  if (!request.above.empty()) {
    const auto contents = store::read_backup(request.above);
    if (!contents) return contents.error();
    for (const CounterInfo& counter : contents->counters) {
      if (counter.value) known[counter.name] = std::max(known[counter.name], *counter.value);
    }
  }
  if (state != nullptr) {
    const auto marks = state->newest(kMostMarks);
    if (!marks) return marks.error();
    for (const state::Mark& mark : *marks) {
      if (mark.issued < 1) continue;
      auto& value = known[mark.counter];
      value = std::max(value, static_cast<std::uint64_t>(mark.issued));
    }
  }
  return known;
}

/// The last id that the counter must pass.
Result<std::uint64_t> target_of(const RecoveryRequest& request, const CounterInfo& counter,
                                std::uint64_t known) {
  if (request.to) return *request.to;
  const std::uint64_t last = std::max(counter.value.value_or(0), known);
  const Definition& definition = counter.definition;
  const std::uint64_t skip = request.exact ? 0 : request.skip.value_or(0);
  if (last == 0 && skip == 0) return 0;
  const std::uint64_t from =
      last == 0 ? definition.start - std::min(definition.start, definition.increment) : last;
  const auto distance = base::checked_mul<std::uint64_t>(skip, definition.increment);
  const auto target = distance ? base::checked_add<std::uint64_t>(from, *distance) : std::nullopt;
  if (!target || *target > definition.max) {
    return invalid(cat("counter '", counter.name, "' can't skip ", skip, " ids from ", from,
                       ": its max is ", definition.max, "; skip less, or raise its max."));
  }
  return *target;
}

/// With --all, also the counters that are known elsewhere and that the store has lost. Fails where
/// one can't be moved on, which would serve again where it is once somebody mended it.
Result<std::vector<CounterInfo>> chosen_counters(const RecoveryRequest& request, const Store& store,
                                                 Values known) {
  if (request.all) {
    const auto in_use = all_counters(store);
    const auto deleted = all_counters(store, true);
    if (!in_use || !deleted) return in_use ? deleted.error() : in_use.error();
    if (!in_use->left_out.empty()) {
      return Error(
          ErrorCode::kCorrupt,
          cat(base::in_quotes(in_use->left_out.front(), kMaxCounterNameBytes),
              " is damaged, or no counter, and can't be moved on; mend or remove it first. "
              "No counter was moved."));
    }
    std::vector<CounterInfo> counters = in_use->counters;
    counters.insert(counters.end(), deleted->counters.begin(), deleted->counters.end());
    for (const CounterInfo& counter : counters) known.erase(counter.name);
    for (const auto& [name, value] : known) counters.push_back({name, std::nullopt, Definition{}});
    return counters;
  }
  const auto counter = store.counter(request.counter);
  if (!counter) return counter.error();
  return std::vector<CounterInfo>{*counter};
}

Result<std::vector<Step>> plan(const RecoveryRequest& request, const Store& store,
                               const state::StateFile* state) {
  const auto known = known_values(request, state);
  if (!known) return known.error();
  const auto counters = chosen_counters(request, store, *known);
  if (!counters) return counters.error();
  std::vector<Step> steps;
  for (const CounterInfo& counter : *counters) {
    const auto it = known->find(counter.name);
    const auto target = target_of(request, counter, it == known->end() ? 0 : it->second);
    if (!target) return target.error();
    steps.push_back({counter, *target});
  }
  return steps;
}

std::string describe(const Step& step) {
  const std::string before =
      step.counter.value ? std::to_string(*step.counter.value) : std::string("unused");
  const std::string name =
      for_terminal(step.counter.name) + (step.counter.deleted ? " (deleted)" : "");
  if (!step.moves()) return cat(name, " stays at ", before);
  return cat(name, " moves from ", before, " to ", step.to);
}

/// Asks on a terminal whether to go on.
bool is_agreed(const RecoveryRequest& request, const std::vector<Step>& steps) {
  if (request.yes) return true;
  for (const Step& step : steps) std::fprintf(stderr, "  %s\n", describe(step).c_str());
  std::fprintf(stderr,
               "All ids that anyone was given must lie at or below these values, or they are given "
               "again.\nIs that so, and is nothing else using the store? [y/N] ");
  char answer[16] = {};
  if (std::fgets(answer, sizeof answer, stdin) == nullptr) return false;
  return answer[0] == 'y' || answer[0] == 'Y';
}

/// A deleted counter moves, too, lest it come back below ids that were given out; but only as one
/// in use. If this ends halfway, the counter is in use, and the next recovery moves it as such.
/// What `nextid copy` has moved comes back only by its revision, and says so again when it is
/// deleted.
Result<void> move_on(const Store& store, const Step& step) {
  const std::string& name = step.counter.name;
  if (step.counter.deleted) {
    const DefinitionChange as_it_is{.comment = step.counter.definition.comment,
                                    .revision = step.counter.definition.revision};
    if (const auto back = store.define(name, as_it_is); !back) return back.error();
  }
  if (const auto advanced = store.advance(name, step.to); !advanced) return advanced.error();
  if (!step.counter.deleted) return {};
  const auto deleted = store.delete_counter(name);
  return deleted ? Result<void>() : Result<void>(deleted.error());
}

Result<void> move_on(const Store& store, const std::vector<Step>& steps) {
  for (const Step& step : steps) {
    if (!step.moves()) continue;
    if (const auto moved = move_on(store, step); !moved) return moved;
  }
  return {};
}

/// What nodes remember from now on: the store as it is, with its counters where they are now.
Result<void> settle_state(const RecoveryRequest& request, const std::vector<Step>& steps,
                          const StoreOpening& opening, state::StateFile& state) {
  for (const Step& step : steps) {
    const auto now = std::max(step.to, step.counter.value.value_or(0));
    if (now == 0) continue;
    const auto reset = state.reset(step.counter.name, static_cast<std::int64_t>(now));
    if (!reset) return reset;
  }
  if (!request.all) return {};
  if (const auto cleared = state.clear_stops(); !cleared) return cleared;
  return state.remember_identity(opening.identity, true);
}

std::string summary(const RecoveryRequest& request, const std::vector<Step>& steps,
                    std::uint64_t burned) {
  std::string text;
  for (const Step& step : steps) text += describe(step) + "\n";
  text += cat("Burned ", burned, " ids (advance). ");
  if (request.all && request.skip.value_or(0) > 0) {
    text += cat("Counters that are not listed leave out ", *request.skip,
                " ids, too, when they are made. ");
  }
  return text + (request.all ? "The store serves again.\n"
                             : "Servers that stopped the counter serve it again once restarted.\n");
}

}  // namespace

void add_recovery_options(CLI::App& command, RecoveryRequest& request) {
  add_number(
      command, "--skip", {0, kMaxId}, [&request](std::uint64_t skip) { request.skip = skip; },
      "Move each counter on by this many ids: more than were given out since");
  command.add_flag("--exact", request.exact,
                   "Move no counter further than what is known: no ids were given out since");
  command
      .add_option("--above", request.above,
                  "A backup, or a store set aside, whose values are to be passed, too")
      ->type_name("FILE");
  command.add_flag("--yes", request.yes, "Do not ask");
  add_store_options(command, request.sources);
}

std::optional<Error> problem_with(const RecoveryRequest& request) {
  const int ways = (request.skip ? 1 : 0) + (request.to ? 1 : 0) + (request.exact ? 1 : 0);
  if (ways != 1) {
    return invalid(
        "say how far to move on: --skip N for more ids than were given out since, or --exact if "
        "there were none; ids that it does not pass are given again.");
  }
  if (request.to && request.all) {
    return invalid("--to is for one counter: name it instead of --all.");
  }
  if (request.all == !request.counter.empty()) {
    return invalid("name one counter, or --all for the whole store.");
  }
  if (!request.yes && ::isatty(STDIN_FILENO) == 0) {
    return invalid("nothing was changed: there is no terminal to ask on; --yes agrees.");
  }
  return std::nullopt;
}

int recover(const RecoveryRequest& request, const server::Config& config) {
  auto store = open_as_it_is(request, config.store);
  if (!store) return report(store.error());
  const auto state = open_state(config.store_options.state_dir);
  if (!state) return report(state.error());
  const auto steps = plan(request, *store, state->get());
  if (!steps) return report(steps.error());
  if (!is_agreed(request, *steps)) {
    return report(invalid("no counter was moved; what was refused before still is."));
  }
  const auto moved = move_on(*store, *steps);
  if (!moved) return report(moved.error());
  store->close(kCloseLimit);
  if (*state) {
    const auto settled = settle_state(request, *steps, store->opening(), **state);
    if (!settled) return report(settled.error());
  }
  const std::uint64_t burned = store->accounting().burned_by(BurnReason::kAdvance);
  if (request.all) {
    if (const auto ended = store::end_recovery(config.store, request.skip.value_or(0)); !ended)
      return report(ended.error());
  }
  return print(summary(request, *steps, burned));
}

void add_recover(CLI::App& app, Outcome& outcome) {
  const auto request = std::make_shared<RecoveryRequest>();
  auto* command = app.add_subcommand(
      "recover", "Take a store that is in doubt as it is, with its counters moved on");
  add_name(*command, "COUNTER", request->counter, "The counter to move on");
  command->add_flag("--all", request->all, "Every counter, and the store itself");
  add_number(
      *command, "--to", {1, kMaxId}, [request](std::uint64_t to) { request->to = to; },
      "Move the one counter on to this id at least");
  add_recovery_options(*command, *request);
  command->footer(
      "Needed where nextid refuses a store: a copy, a backup, a lost log, a table made anew, or a "
      "counter set back. Stop all that use the store first. What is skipped is burned, and "
      "counted.\n"
      "Examples:\n"
      "  nextid recover --all --skip 1000000 --store sqlite:/var/lib/nextid/ids.db\n"
      "  nextid recover orders --to 1048576");
  command->callback([request, &outcome] {
    const auto problem = problem_with(*request);
    const auto config = server::load_config(request->sources);
    if (problem) {
      outcome.exit_code = report(*problem);
    } else {
      outcome.exit_code = config ? recover(*request, *config) : report(config.error());
    }
  });
}

}  // namespace nextid::cli
