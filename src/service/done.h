// How the answer of a call comes.
#pragma once

#include <functional>

#include "nextid/error.h"

namespace nextid::service {

/// Called with the answer, once, from any thread, perhaps before the function that took it returns.
/// It must not block.
template <typename Answer>
using Done = std::function<void(Result<Answer>)>;

}  // namespace nextid::service
