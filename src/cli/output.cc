#include "cli/output.h"

#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

namespace nextid::cli {

bool write_output(std::string_view text) noexcept {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
         std::fflush(stdout) == 0;
}

void reserve_standard_descriptors() noexcept {
  // Read-only, so that writes to a closed standard output still fail and are reported.
  int fd = 0;
  do {
    fd = ::open("/dev/null", O_RDONLY);
  } while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0) ::close(fd);
}

}  // namespace nextid::cli
