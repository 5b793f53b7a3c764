// Between asset.cc and the file that cmake/EmbedWeb.cmake writes.
#pragma once

#include <span>

#include "web/asset.h"

namespace nextid::web {

std::span<const Asset> assets() noexcept;

}  // namespace nextid::web
