// Taking a store in doubt as it is, with its counters moved on: `nextid recover`, and the end of
// `nextid restore`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <CLI/App.hpp>

#include "nextid/error.h"

#include "server/options.h"

namespace nextid::cli {

struct RecoveryRequest {
  server::ConfigSources sources;  ///< Of the store, and of what a node remembers of it.
  std::string counter;            ///< The one to move on, unless `all`.
  bool all = false;
  std::optional<std::uint64_t> skip = {};
  std::optional<std::uint64_t> to = {};
  bool exact = false;
  std::string above;  ///< A file whose values are to be passed, too; "": none.
  bool yes = false;
};

/// Adds the options that name the store, --skip, --exact, --above and --yes.
void add_recovery_options(CLI::App& command, RecoveryRequest& request);

/// What is wrong with the request, before any store is opened.
std::optional<Error> problem_with(const RecoveryRequest& request);

/// Asks, moves the counters on, says what was burned, and has the store serve again. Returns the
/// exit code of the command.
int recover(const RecoveryRequest& request, const server::Config& config);

}  // namespace nextid::cli
