// URLs "mysql://USER@HOST/DATABASE?...".
#pragma once

#include "store/common/scheme.h"

namespace nextid::store {

extern const Scheme kMysqlScheme;

}  // namespace nextid::store
