#include "cli/output.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include "base/cat.h"
#include "base/descriptor.h"

namespace nextid::cli {

bool write_output(std::string_view text) noexcept {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
         std::fflush(stdout) == 0;
}

ExitCode print(std::string_view text) {
  if (write_output(text)) return kOk;
  tell(base::cat("Can't write to standard output (", std::strerror(errno), ")."));
  return kFailure;
}

void tell(std::string_view sentence) noexcept {
  std::fprintf(stderr, "nextid: %s\n", for_terminal(sentence).c_str());
}

std::string for_terminal(std::string_view text) {
  std::string shown;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
    const bool second_set = byte == 0xc2 && next >= 0x80 && next < 0xa0;  // U+0080 ... U+009F
    const bool control = byte < 0x20 || byte == 0x7f || second_set;
    shown += control ? '?' : text[i];
    if (second_set) ++i;
  }
  return shown;
}

void reserve_standard_descriptors() noexcept {
  // Read-only, so that writes to a closed standard output still fail and are reported.
  for (;;) {
    base::Descriptor one(::open("/dev/null", O_RDONLY));
    if (!one.is_open() || one.descriptor() > STDERR_FILENO) return;
    one.release();
  }
}

}  // namespace nextid::cli
