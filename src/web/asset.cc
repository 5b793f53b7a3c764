#include "web/asset.h"

#include "web/asset_table.h"

namespace nextid::web {

const Asset* find_asset(std::string_view path) noexcept {
  for (const auto& asset : assets()) {
    if (asset.path == path) return &asset;
  }
  return nullptr;
}

}  // namespace nextid::web
