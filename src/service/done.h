// How the answer of a call comes.
#pragma once

#include <functional>

#include "nextid/error.h"

namespace nextid::service {

/// Gets the answer once, from any thread, perhaps before the function returns that it was given to.
/// It must not block.
template <typename Answer>
using Done = std::function<void(Result<Answer>)>;

}  // namespace nextid::service
