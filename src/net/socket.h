// The descriptor of a TCP socket, closed with its owner.
#pragma once

#include "base/descriptor.h"

namespace nextid::net {

using Socket = base::Descriptor;

}  // namespace nextid::net
