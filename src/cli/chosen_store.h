// The store that a command works on, as flags, the environment and the file name it.
#pragma once

#include "nextid/store.h"

#include "server/options.h"

namespace nextid::cli {

/// Opens it, or makes it if it is missing and that is allowed. Its log lines go to standard error,
/// and one line if it was made; nothing else does, since scripts may look there.
Result<Store> open_chosen_store(const server::ConfigSources& sources);

/// The same for commands to which a new store would be of no use: a missing store is kInvalid,
/// whatever the URL says.
Result<Store> open_existing_store(const server::ConfigSources& sources);

}  // namespace nextid::cli
