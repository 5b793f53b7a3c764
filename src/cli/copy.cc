// `nextid copy`: the counters of one store, moved into another one.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "nextid/store.h"

#include "base/cat.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "copy/copier.h"
#include "copy/verification.h"
#include "store/factory.h"

namespace nextid::cli {
namespace {

using base::cat;
using copy::Copied;
using copy::Fate;

constexpr std::size_t kMostShown = 10;  // Of conflicts and differences.
/// Of a store that reads all for a page. Two such pages of each store take some 100 MB.
constexpr std::size_t kLargePage = 100'000;

struct Request {
  std::string from;
  std::string to;
  bool dry_run = false;
  bool yes = false;
  bool json = false;
};

using Driver = std::shared_ptr<contract::StoreDriver>;

Error invalid(const std::string& sentence) { return Error(ErrorCode::kInvalid, sentence); }

std::string counted(std::uint64_t count, const std::string& what) {
  return cat(count, " ", what, count == 1 ? "" : "s");
}

// ---- The two stores

Error same_store(const std::string& url) {
  return invalid(
      cat("--from and --to are the same store, ", store::shown_url(url), "; nothing was changed."));
}

/// What can be told before anything is opened: one file must not be opened as two stores.
std::optional<Error> problem_with(const Request& request) {
  for (const std::string& url : {request.from, request.to}) {
    if (store::traits_of(url).forgets) {
      return invalid(cat("'", url, "' ends with the command: a copy needs two stores that stay."));
    }
  }
  const auto from = store::local_file(request.from);
  const auto to = store::local_file(request.to);
  std::error_code ignored;
  if (from && to &&
      (from->full_path == to->full_path ||
       std::filesystem::equivalent(from->full_path, to->full_path, ignored))) {
    return same_store(request.to);
  }
  if (!request.yes && !request.dry_run && ::isatty(STDIN_FILENO) == 0) {
    return invalid("nothing was changed: there is no terminal to ask on; --yes agrees.");
  }
  return std::nullopt;
}

Result<Driver> open(const std::string& url, bool create) {
  return store::open_driver(
      create ? url : store::never_making(url),
      {.create = create, .log = [](LogLevel, const std::string& line) { tell(line); }});
}

/// The target as it is. In place of one that there is not, an empty one, since nothing is to be
/// made before it was agreed to.
Result<Driver> look_at_target(const Request& request, bool& is_missing) {
  const auto missing = store::missing_store(request.to, true);
  is_missing = missing.has_value();
  if (!missing) return open(request.to, false);
  if (!missing->obstacle.empty()) return invalid(missing->obstacle);
  return open("memory:", true);
}

Result<void> check_are_two(const Request& request, const Driver& from, const Driver& to) {
  const std::string& identity = from->opening().identity;
  if (!identity.empty() && identity == to->opening().identity) return same_store(request.to);
  return {};
}

copy::CopySettings settings_of(const Request& request) {
  copy::CopySettings settings;
  settings.source.store = store::shown_url(request.from);
  settings.target.store = store::shown_url(request.to);
  if (store::traits_of(request.from).lists_by_reading_all) settings.source.page = kLargePage;
  if (store::traits_of(request.to).lists_by_reading_all) settings.target.page = kLargePage;
  return settings;
}

// ---- What is told

std::string line_of(const Copied& copied) {
  const CounterInfo& source = copied.source;
  const std::string at =
      copied.target_value ? cat(" at ", *copied.target_value) : std::string(", unused");
  const bool is_above = copied.target_value.value_or(0) > source.value.value_or(0);
  return cat(source.name, source.deleted ? " (deleted)" : "", ": ", to_string(copied.fate), at,
             is_above ? cat(", above ", source.value.value_or(0), " in the source") : "",
             copied.was_used ? "; used during the copy" : "", "\n");
}

std::string json_of(const std::optional<std::uint64_t>& value) {
  return value ? cat(*value) : std::string("null");
}

/// Of one word.
std::string json_name(Fate fate) {
  std::string name(to_string(fate));
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

/// Names need no escapes: others are not copied.
std::string json_of(const Copied& copied) {
  return cat("{\"name\":\"", copied.source.name, "\",\"value\":", json_of(copied.source.value),
             ",\"target_value\":", json_of(copied.target_value),
             ",\"deleted\":", copied.source.deleted ? "true" : "false",
             ",\"target_deleted\":", copied.target_deleted ? "true" : "false",
             ",\"used\":", copied.was_used ? "true" : "false", ",\"result\":\"",
             json_name(copied.fate), "\"}");
}

/// Writes each counter when it is done, and how many there were.
class Report {
 public:
  explicit Report(bool json, std::uint64_t expected) : json_(json), expected_(expected) {}

  void add(const Copied& copied) {
    ++fates_[static_cast<std::size_t>(copied.fate)];
    used_ += copied.was_used ? 1 : 0;
    deleted_ += copied.target_deleted ? 1 : 0;
    if (json_) {
      text_ += cat(is_begun_ ? ",\n" : "{\"counters\":[\n", json_of(copied));
    } else {
      text_ += line_of(copied);
    }
    is_begun_ = true;
  }

  /// What was added. False if it can't be written.
  bool write() {
    is_written_ = is_written_ && write_output(std::exchange(text_, {}));
    if (::isatty(STDERR_FILENO) != 0 && ::isatty(STDOUT_FILENO) == 0) {
      std::fprintf(stderr, "\r%llu of %llu counters", static_cast<unsigned long long>(count()),
                   static_cast<unsigned long long>(expected_));
    }
    return is_written_;
  }

  void end_json(bool verified) {
    if (!json_) return;
    text_ += is_begun_ ? "\n]" : "{\"counters\":[]";
    for (int i = 0; i < copy::kFates; ++i) {
      text_ += cat(",\"", json_name(static_cast<Fate>(i)), "\":", fates_[std::size_t(i)]);
    }
    text_ += cat(",\"target_deleted\":", deleted_, ",\"used\":", used_,
                 ",\"verified\":", verified ? "true" : "false", "}\n");
  }

  /// "3 counters: 2 made, 1 kept"
  std::string summary() const {
    std::string text = counted(count(), "counter");
    const char* before = ": ";
    for (int i = 0; i < copy::kFates; ++i) {
      const std::uint64_t fates = fates_[std::size_t(i)];
      if (fates == 0) continue;
      text += cat(before, fates, " ", to_string(static_cast<Fate>(i)));
      before = ", ";
    }
    return text;
  }

  /// A sentence on those that are in use in neither store; "" if there are none.
  std::string on_deleted() const {
    if (deleted_ == 0) return {};
    return cat(" In use in neither store: ", counted(deleted_, "counter"),
               ", deleted in the first one before, or moved from there to another store.");
  }

  std::uint64_t used() const noexcept { return used_; }
  bool has_none_in_use() const noexcept { return deleted_ > 0 && deleted_ == count(); }
  bool is_json() const noexcept { return json_; }

 private:
  std::uint64_t count() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t fates : fates_) sum += fates;
    return sum;
  }

  const bool json_;
  const std::uint64_t expected_;
  std::array<std::uint64_t, copy::kFates> fates_{};
  std::uint64_t used_ = 0;
  std::uint64_t deleted_ = 0;
  std::string text_;
  bool is_begun_ = false;
  bool is_written_ = true;
};

/// As it will be if nobody uses the stores meanwhile.
Copied expected(const copy::Planned& planned) {
  const auto target = planned.target ? planned.target->value : std::nullopt;
  const copy::Decision& decision = *planned.decision;
  const bool stays_deleted = planned.target && planned.target->deleted && !decision.brings_back;
  return {planned.source, decision.raise_to ? decision.raise_to : target, decision.fate, false,
          decision.deletes || stays_deleted};
}

// ---- The steps

/// How many counters there are to copy, with each told to `report` if there is one; or why they
/// can't be.
Result<std::uint64_t> plan(const copy::Copier& copier, Report* report) {
  std::uint64_t count = 0;
  std::uint64_t conflicts = 0;
  const auto looked = copier.plan([&](const copy::Planned& planned) {
    ++count;
    if (!planned.decision) {
      if (++conflicts <= kMostShown) tell(planned.decision.error().what());
    } else if (report != nullptr) {
      report->add(expected(planned));
      if (count % 1000 == 0) report->write();
    }
  });
  if (!looked) {
    return Error(looked.error().code(), cat(looked.error().what(), " Nothing was changed."));
  }
  if (conflicts == 0) return count;
  return Error(ErrorCode::kConflict,
               cat(counted(conflicts, "counter"), " can't be copied; nothing was changed."));
}

bool is_agreed(const Request& request, std::uint64_t counters) {
  if (request.yes) return true;
  std::fprintf(stderr,
               "%s of %s go to %s. From then on the first gives no ids of them: they are deleted "
               "there.\nAre the servers of both stopped? [y/N] ",
               counted(counters, "counter").c_str(),
               for_terminal(store::shown_url(request.from)).c_str(),
               for_terminal(store::shown_url(request.to)).c_str());
  char answer[16] = {};
  if (std::fgets(answer, sizeof answer, stdin) == nullptr) return false;
  return answer[0] == 'y' || answer[0] == 'Y';
}

Error not_done(const Error& error) {
  return Error(error.code(), cat(error.what(),
                                 " The copy is not complete: start no servers of the "
                                 "target before the same command has ended well."));
}

/// Looks at both stores once more.
Result<copy::Verified> check(const Request& request, const Driver& from, const Driver& to,
                             const copy::Names& deleted) {
  std::uint64_t told = 0;
  const auto verified =
      copy::verify(*from, *to, settings_of(request), deleted, [&](const std::string& line) {
        if (++told <= kMostShown) tell(line + ".");
      });
  if (!verified) return verified.error();
  if (verified->in_use > 0) {
    return Error(ErrorCode::kUnavailable,
                 cat("the source is still used: ", counted(verified->in_use, "counter"),
                     " came during the copy; stop its servers."));
  }
  if (verified->differences > 0) {
    return Error(ErrorCode::kCorrupt, cat(counted(verified->differences, "counter"),
                                          " of the target are not as in the source."));
  }
  return verified;
}

Result<void> copy_and_check(const Request& request, const Driver& from, const Driver& to,
                            Report& report) {
  const copy::Copier copier(*from, *to, settings_of(request));
  copy::Names deleted;
  const auto copied = copier.copy([&](const std::vector<Copied>& done) {
    for (const Copied& each : done) {
      report.add(each);
      each.target_deleted ? void(deleted.insert(each.source.name))
                          : void(deleted.erase(each.source.name));
    }
    report.write();
  });
  if (::isatty(STDERR_FILENO) != 0 && ::isatty(STDOUT_FILENO) == 0) std::fputc('\n', stderr);
  if (!copied) return copied.error();
  const auto verified = check(request, from, to, deleted);
  return verified ? Result<void>() : Result<void>(verified.error());
}

int not_written() {
  tell("Can't write the report to standard output.");
  return kFailure;
}

int finish(const Request& request, Report& report, const Result<void>& done) {
  report.end_json(done.has_value());
  const bool is_written = report.write();
  if (report.used() > 0) {
    tell(cat("servers of the source gave out ids during the copy, of ",
             counted(report.used(), "counter"), "; they give no more, and none comes twice."));
  }
  if (!done) return cli::report(not_done(done.error()));
  if (!is_written) return not_written();
  if (report.has_none_in_use()) {
    tell(cat("no counter came into use in ", store::shown_url(request.to), ": all of ",
             store::shown_url(request.from),
             " were deleted there before, as those are that have moved to another store."));
  }
  if (report.is_json()) return kOk;
  return print(cat("Copied ", report.summary(), ".", report.on_deleted(), " Verified: ",
                   store::shown_url(request.to), " has each at its value or above, and ",
                   store::shown_url(request.from), " gives no more ids of them.\n"));
}

int run(const Request& request) {
  if (const auto problem = problem_with(request)) return cli::report(*problem);
  const auto from = open(request.from, false);
  if (!from) return cli::report(from.error());
  bool is_missing = false;
  auto to = look_at_target(request, is_missing);
  if (!to) return cli::report(to.error());
  if (const auto two = check_are_two(request, *from, *to); !two) return cli::report(two.error());
  Report planned(request.json, 0);
  const auto counters =
      plan(copy::Copier(**from, **to, settings_of(request)), request.dry_run ? &planned : nullptr);
  if (!counters) return cli::report(counters.error());
  if (request.dry_run) {
    planned.end_json(false);
    if (!planned.write()) return not_written();
    return request.json ? kOk
                        : print(cat("A copy would be of ", planned.summary(), ".",
                                    planned.on_deleted(), " Nothing was changed.\n"));
  }
  if (!is_agreed(request, *counters)) return cli::report(invalid("nothing was changed."));
  if (is_missing) to = open(request.to, true);
  if (!to) return cli::report(to.error());
  Report told(request.json, *counters);
  const auto done = copy_and_check(request, *from, *to, told);
  return finish(request, told, done);
}

}  // namespace

void add_copy(CLI::App& app, Outcome& outcome) {
  const auto request = std::make_shared<Request>();
  auto* command = app.add_subcommand(
      "copy", "Move all counters of a store, with their values, into another one");
  command->add_option("--from", request->from, "The store that has the counters")
      ->type_name("URL")
      ->required();
  command->add_option("--to", request->to, "The one that is to have them; made if it is missing")
      ->type_name("URL")
      ->required();
  command->add_flag("--dry-run", request->dry_run, "Tell what would be done, and change nothing");
  command->add_flag("--yes", request->yes, "Do not ask");
  command->add_flag("--json", request->json, "Print the report as JSON");
  command->footer(
      "Stop the servers of both stores first. In the first store the counters are deleted, so that "
      "it gives no more ids of them; `nextid copy` the other way brings them back. If the command "
      "is ended before its time, run it again: it does the rest. Keys of idempotent requests stay "
      "behind. docs/moving.md tells the steps of a move.\n"
      "Examples:\n"
      "  nextid copy --dry-run --from sqlite:ids.db --to postgres://db.example/ids\n"
      "  nextid copy --from sqlite:ids.db --to postgres://db.example/ids");
  command->callback([request, &outcome] { outcome.exit_code = run(*request); });
}

}  // namespace nextid::cli
