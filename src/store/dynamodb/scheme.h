// URLs "dynamodb://TABLE?...".
#pragma once

#include "store/common/scheme.h"

namespace nextid::store {

extern const Scheme kDynamodbScheme;

}  // namespace nextid::store
