#include "store/memory/scheme.h"

#include <memory>
#include <optional>
#include <string>

#include "base/cat.h"
#include "store/common/url_password.h"
#include "store/memory/store.h"

namespace nextid::store {
namespace {

using base::cat;

Result<std::shared_ptr<contract::StoreDriver>> open_memory(const std::string& rest,
                                                           const OpenOptions&) {
  if (!rest.empty()) {
    return Error(ErrorCode::kInvalid, cat("'", hide_password("memory:" + rest),
                                          "' is no store: nothing follows memory:"));
  }
  return std::shared_ptr<contract::StoreDriver>(std::make_shared<MemoryStore>());
}

std::string show_memory(const std::string&) { return "in memory"; }

}  // namespace

const Scheme kMemoryScheme{
    .open = &open_memory,
    .show = &show_memory,
};

}  // namespace nextid::store
