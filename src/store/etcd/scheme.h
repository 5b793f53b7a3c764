// URLs "etcd://HOST:PORT/PREFIX?...".
#pragma once

#include "store/common/scheme.h"

namespace nextid::store {

extern const Scheme kEtcdScheme;

}  // namespace nextid::store
