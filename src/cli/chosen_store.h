// The store that a command works on, as flags, the environment and the file name it.
#pragma once

#include "nextid/store.h"

#include "server/options.h"

namespace nextid::cli {

/// Opens it, or makes it where it is missing and that is allowed. What it has to say goes to
/// standard error, and so does one line where it was made; else nothing does, since scripts may
/// look there.
Result<Store> open_chosen_store(const server::ConfigSources& sources);

/// The same for commands to which a new store would be of no use: where there is none, that is
/// kInvalid, whatever the URL says.
Result<Store> open_existing_store(const server::ConfigSources& sources);

}  // namespace nextid::cli
