#include "base/file_reading.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cat.h"
#include "base/descriptor.h"

namespace nextid::base {
namespace {

Error refused(const std::string& clause) { return {ErrorCode::kInvalid, clause}; }

bool is_null_device(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3);
}

ssize_t read_some(int descriptor, char* to, std::size_t size) {
  ssize_t got = 0;
  do {
    got = ::read(descriptor, to, size);
  } while (got < 0 && errno == EINTR);
  return got;
}

}  // namespace

Result<std::optional<std::string>> read_file(const std::string& path, std::size_t limit_bytes) {
  // A pipe would else be waited for here, until somebody writes to it.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.is_open()) {
    if (errno == ENOENT || errno == ENOTDIR) return std::optional<std::string>();
    // What sockets and devices without a driver answer.
    if (errno == ENXIO) return refused("it is no regular file");
    return refused(std::strerror(errno));
  }
  struct stat status {};
  if (::fstat(file.descriptor(), &status) != 0) return refused(std::strerror(errno));
  if (S_ISDIR(status.st_mode)) return refused(std::strerror(EISDIR));
  if (!S_ISREG(status.st_mode) && !is_null_device(status)) return refused("it is no regular file");
  std::string text;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t got = read_some(file.descriptor(), buffer.data(), buffer.size());
    if (got < 0) return refused(std::strerror(errno));
    if (got == 0) return std::optional<std::string>(std::move(text));
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > limit_bytes) return refused(cat("it exceeds ", limit_bytes, " bytes"));
  }
}

}  // namespace nextid::base
