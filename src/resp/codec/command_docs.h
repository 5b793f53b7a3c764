// COMMAND: the table of commands, as clients ask for it.
#pragma once

#include <span>

#include "resp/codec/command_row.h"
#include "resp/codec/reply.h"

namespace nextid::resp {

/// COUNT, LIST, INFO, DOCS and GETKEYS of `rows`, which are in the order of their names.
/// `arguments` are COMMAND's.
Answer describe_commands(std::span<const Row> rows, Arguments arguments, Version version);

}  // namespace nextid::resp
