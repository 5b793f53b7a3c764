// URLs "postgres://USER@HOST/DATABASE?...".
#pragma once

#include "store/common/scheme.h"

namespace nextid::store {

extern const Scheme kPostgresScheme;

}  // namespace nextid::store
