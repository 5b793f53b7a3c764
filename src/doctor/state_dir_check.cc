#include <string>

#include "base/cat.h"
#include "doctor/checks.h"
#include "state/state_file.h"

namespace nextid::doctor {
namespace {

using base::cat;

constexpr const char* kStateDir = "state-dir";

Finding check_stops(const std::vector<state::Mark>& stops) {
  const std::string& first = stops.front().stopped;
  if (stops.size() == 1) return fail(kStateDir, first);
  return fail(kStateDir, cat(stops.size(), " counters have stopped. The first: ", first));
}

Finding check_same(const state::StateFile& file, const std::string& known,
                   const std::string& identity) {
  if (!known.empty() && !identity.empty() && known != identity) {
    return fail(kStateDir, cat(file.path(), " remembers the store ", known, ", and this one is ",
                               identity, ". Choose the right one, or run `nextid recover --all`."));
  }
  const auto counters = file.counters();
  if (!counters) return fail(kStateDir, counters.error().what());
  return ok(kStateDir,
            cat(file.path(), " remembers ", *counters, " counters of ",
                known.empty() ? "a store without an identity" : "the store " + known, "."));
}

}  // namespace

Findings check_state_dir(const std::string& directory, const StoreOpening& opening) {
  const auto file = state::StateFile::open(directory, state::StateFile::Making::kNothing);
  if (!file && file.error().code() == ErrorCode::kNotFound) {
    return {
        ok(kStateDir, cat("'", directory, "' remembers nothing yet; `nextid serve` makes it."))};
  }
  if (!file) return {fail(kStateDir, file.error().what())};
  const auto known = (*file)->identity();
  const auto stops = (*file)->stopped(1'000);
  if (!known || !stops) return {fail(kStateDir, (known ? stops.error() : known.error()).what())};
  Findings findings{check_same(**file, *known, opening.identity)};
  if (!stops->empty()) findings.push_back(check_stops(*stops));
  return findings;
}

}  // namespace nextid::doctor
