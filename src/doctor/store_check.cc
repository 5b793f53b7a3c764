#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "nextid/store.h"

#include "base/cat.h"
#include "base/file_access.h"
#include "doctor/checks.h"
#include "store/factory.h"

namespace nextid::doctor {
namespace {

using base::cat;
using std::chrono::steady_clock;

constexpr const char* kStore = "store";
constexpr std::size_t kReads = 5;
constexpr double kSlowMs = 100;

std::string in_ms(double time_ms) {
  std::array<char, 32> number{};
  std::snprintf(number.data(), number.size(), "%.2f ms", time_ms);
  return number.data();
}

double ms_since(steady_clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(steady_clock::now() - begin).count();
}

/// What there is to say of a store that is not there.
std::optional<Finding> check_missing(const std::string& url, bool create) {
  const auto missing = store::missing_store(url, create);
  if (!missing) return std::nullopt;
  if (!missing->obstacle.empty()) return fail(kStore, missing->obstacle);
  return ok(kStore, cat(missing->name,
                        " does not exist yet; `nextid serve` makes it, and ids begin at 1."));
}

bool is_missing(const Error& error) {
  return error.code() == ErrorCode::kNotFound || error.code() == ErrorCode::kDeleted;
}

Finding check_reading(const Store& store) {
  std::vector<double> times;
  for (std::size_t i = 0; i < kReads; ++i) {
    const auto begin = steady_clock::now();
    const auto counter = store.counter(kDefaultCounter);
    if (!counter && !is_missing(counter.error())) {
      return fail(kStore, cat("It can't be read: ", counter.error().what()));
    }
    times.push_back(ms_since(begin));
  }
  const auto middle = times.begin() + kReads / 2;
  std::nth_element(times.begin(), middle, times.end());
  if (*middle <= kSlowMs) return ok(kStore, cat("A read takes ", in_ms(*middle), "."));
  return warn(kStore, cat("A read takes ", in_ms(*middle),
                          ". Run nextid nearer to its store: in its region, on its machine."));
}

Finding check_writing(const Store& store) {
  const auto begin = steady_clock::now();
  const auto written = store.try_write();
  if (!written) return fail(kStore, cat("It takes no writes: ", written.error().what()));
  return ok(kStore,
            cat("It takes writes; one that changes nothing took ", in_ms(ms_since(begin)), "."));
}

Findings check_opening(const StoreOpening& opening) {
  Findings findings;
  if (!opening.identity.empty()) {
    findings.push_back(ok(kStore, cat("It is ", opening.identity, ".")));
  }
  if (!opening.remark.empty()) findings.push_back(warn(kStore, opening.remark));
  return findings;
}

/// `opening` is left as it is where the store does not open.
Findings check_opened_store(const std::string& url, const StoreOptions& given,
                            StoreOpening& opening) {
  if (const auto missing = check_missing(url, given.create_store)) return {*missing};
  Findings findings;
  StoreOptions options;
  options.accept_copy = given.accept_copy;
  options.request_timeout = given.request_timeout;
  const auto begin = steady_clock::now();
  // Looking makes no file, and no table that costs money.
  auto store = open_store(store::never_making(url), options);
  if (!store) return {fail(kStore, store.error().what())};
  findings.push_back(
      ok(kStore, cat(store::without_password(url), " opened in ", in_ms(ms_since(begin)), ".")));
  if (store::traits_of(url).forgets) {
    findings.push_back(warn(kStore,
                            "It is gone when the server stops, and ids are issued twice. Use "
                            "it for tests; sqlite:PATH keeps its counters."));
  }
  opening = store->opening();
  for (auto& finding : check_opening(opening)) findings.push_back(std::move(finding));
  if (const auto file = store::local_file(url)) {
    if (auto warning = base::exposure_of_shared(file->full_path)) {
      findings.push_back(warn(kStore, *std::move(warning)));
    }
  }
  findings.push_back(check_reading(*store));
  findings.push_back(check_writing(*store));
  StoreHealth health = store->health();
  for (HealthFact& fact : health.facts) {
    findings.push_back({fact.verdict, std::move(fact.subject), std::move(fact.sentence)});
  }
  if (health.clock_ahead) {
    for (auto& finding : check_clock_ahead(*health.clock_ahead)) {
      findings.push_back(std::move(finding));
    }
  }
  store->close(given.request_timeout);
  return findings;
}

}  // namespace

Findings check_store(const std::string& url, const StoreOptions& options) {
  StoreOpening opening;
  Findings findings = check_opened_store(url, options, opening);
  if (options.state_dir.empty()) return findings;
  for (auto& finding : check_state_dir(options.state_dir, opening)) {
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace nextid::doctor
