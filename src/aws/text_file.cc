#include "aws/text_file.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include "base/bom.h"
#include "base/cat.h"

namespace nextid::aws {
namespace {

using base::cat;

class OpenFile {
 public:
  explicit OpenFile(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  bool is_open() const noexcept { return fd_ >= 0; }
  ssize_t read(char* to, std::size_t size) const {
    ssize_t got = 0;
    do {
      got = ::read(fd_, to, size);
    } while (got < 0 && errno == EINTR);
    return got;
  }

 private:
  int fd_;
};

Error cannot_read(const std::string& path, int error) {
  return {ErrorCode::kInvalid, cat("Can't read ", path, ": ", std::strerror(error), ".")};
}

}  // namespace

Result<std::optional<std::string>> read_text_file(const std::string& path,
                                                  std::size_t limit_bytes) {
  const OpenFile file(path);
  if (!file.is_open()) {
    if (errno == ENOENT || errno == ENOTDIR) return std::optional<std::string>();
    return cannot_read(path, errno);
  }
  std::string text;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t got = file.read(buffer.data(), buffer.size());
    if (got < 0) return cannot_read(path, errno);
    if (got == 0) {
      if (text.starts_with(base::kByteOrderMark)) text.erase(0, base::kByteOrderMark.size());
      return std::optional<std::string>(std::move(text));
    }
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > limit_bytes) {
      return Error(ErrorCode::kInvalid, cat(path, " is longer than ", limit_bytes,
                                            " bytes, so it is not the file it should be."));
    }
  }
}

}  // namespace nextid::aws
