#include "base/spare_descriptors.h"

#include <fcntl.h>
#include <utility>

namespace nextid::base {

void SpareDescriptors::take() noexcept {
  kept_.reserve(count_);
  while (kept_.size() < count_) {
    Descriptor spare(::open("/", O_PATH | O_CLOEXEC));
    if (!spare.is_open()) return;
    kept_.push_back(std::move(spare));
  }
}

}  // namespace nextid::base
