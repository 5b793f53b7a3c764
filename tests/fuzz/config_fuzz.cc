// The configuration file: whatever is in it, it is taken or refused with a sentence.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/options.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int file = ::memfd_create("config", 0);
  ::fchmod(file, 0600);  // A file that everyone may write is refused unread.
  if (::ftruncate(file, 0) != 0 || ::pwrite(file, data, size, 0) != static_cast<ssize_t>(size)) {
    std::abort();
  }
  nextid::server::ConfigSources sources;
  sources.file = "/proc/self/fd/" + std::to_string(file);
  const auto config = nextid::server::load_config(sources);
  if (!config && std::string(config.error().what()).size() < 10) std::abort();
  return 0;
}
