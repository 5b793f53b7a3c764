// The URL "memory:".
#pragma once

#include "store/common/scheme.h"

namespace nextid::store {

extern const Scheme kMemoryScheme;

}  // namespace nextid::store
