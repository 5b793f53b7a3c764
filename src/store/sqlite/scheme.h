// URLs "sqlite:PATH".
#pragma once

#include "store/common/scheme.h"

namespace nextid::store {

extern const Scheme kSqliteScheme;

}  // namespace nextid::store
