// What no store accepts: ops that no engine sends, refused before they reach any counter.
#pragma once

#include <optional>
#include <string>

#include "contract/op.h"

namespace nextid::store {

/// Why `op` can't be attempted, or nothing. Refused are: a step below 1, which would lower a
/// counter (I7); writer 0, which stands for nobody, except in Load and Define; and numbers past
/// kMaxId.
std::optional<std::string> refuse_unstorable(const contract::Op& op);

}  // namespace nextid::store
