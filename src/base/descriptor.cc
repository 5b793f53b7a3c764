#include "base/descriptor.h"

#include <cerrno>
#include <unistd.h>

namespace nextid::base {

void Descriptor::close() noexcept {
  if (!is_open()) return;
  const int error = errno;
  ::close(release());
  errno = error;
}

}  // namespace nextid::base
