#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <linux/magic.h>
#include <optional>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <vector>

#include "base/cat.h"
#include "base/descriptor.h"
#include "doctor/checks.h"
#include "store/factory.h"

namespace nextid::doctor {
namespace {

using base::cat;

constexpr const char* kSubject = "disk";
constexpr std::uint64_t kLittleRoom = 64 * 1024 * 1024;
constexpr std::uint64_t kNoRoom = 1024 * 1024;
constexpr std::size_t kWrites = 9;
constexpr double kSlowWriteMs = 20;

struct FileSystem {
  std::uint32_t magic;
  const char* name;
  const char* trouble;
};

constexpr const char* kForgets = "forgets its files at a restart, and ids would be issued twice";
constexpr const char* kNetwork =
    "is a network file system, whose locks SQLite can't rely on (sqlite.org/faq.html#q5)";

/// statfs(2), and <linux/magic.h> where it has the number.
constexpr std::array kTroublesome{
    FileSystem{TMPFS_MAGIC, "tmpfs", kForgets},
    FileSystem{RAMFS_MAGIC, "ramfs", kForgets},
    FileSystem{NFS_SUPER_MAGIC, "NFS", kNetwork},
    FileSystem{SMB_SUPER_MAGIC, "SMB", kNetwork},
    FileSystem{0xff534d42, "CIFS", kNetwork},
    FileSystem{0xfe534d42, "SMB", kNetwork},
    FileSystem{CODA_SUPER_MAGIC, "Coda", kNetwork},
    FileSystem{AFS_SUPER_MAGIC, "AFS", kNetwork},
    FileSystem{0x00c36400, "Ceph", kNetwork},
    FileSystem{V9FS_MAGIC, "9P", kNetwork},
    FileSystem{0x0bd00bd3, "Lustre", kNetwork},
    FileSystem{0x65735546, "FUSE", "may be a network file system, whose locks can't be relied on"},
};

Finding check_kind(const std::string& directory) {
  struct statfs info {};
  if (::statfs(directory.c_str(), &info) != 0) {
    return fail(kSubject, cat("'", directory, "' can't be looked at: ", std::strerror(errno),
                              ". Make the directory, or name another with --store."));
  }
  const auto magic = static_cast<std::uint32_t>(info.f_type);
  for (const FileSystem& known : kTroublesome) {
    if (known.magic != magic) continue;
    return warn(kSubject, cat("'", directory, "' is on ", known.name, ", which ", known.trouble,
                              ". Keep the file on a disk of this machine."));
  }
  return ok(kSubject, cat("'", directory, "' is on a local file system."));
}

Finding check_room(const std::string& directory) {
  struct statvfs info {};
  if (::statvfs(directory.c_str(), &info) != 0) {
    return fail(kSubject, cat("The room on the disk can't be read: ", strerror(errno), "."));
  }
  const std::uint64_t room = std::uint64_t{info.f_bavail} * info.f_frsize;
  const std::string has = cat("It has ", room / (1024 * 1024), " MB left");
  const std::string advice = ". Free some: when it is full no more ids can be issued.";
  if (room < kNoRoom) return fail(kSubject, has + advice);
  if (room < kLittleRoom) return warn(kSubject, has + advice);
  return ok(kSubject, has + ".");
}

/// Removes its file, whatever happens.
class ScratchFile {
 public:
  explicit ScratchFile(const std::string& beside) : path_(beside + "-doctor-XXXXXX") {
    file_ = base::Descriptor(::mkstemp(path_.data()));
  }
  ~ScratchFile() {
    if (file_.is_open()) ::unlink(path_.c_str());
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  int descriptor() const noexcept { return file_.descriptor(); }

 private:
  std::string path_;
  base::Descriptor file_;
};

/// How long a write like a store's commit takes; none if it failed, with errno set.
std::optional<double> durable_write_ms(int descriptor) {
  const std::array<char, 4096> page{};
  std::vector<double> times;
  for (std::size_t i = 0; i < kWrites; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    if (::write(descriptor, page.data(), page.size()) != static_cast<ssize_t>(page.size()) ||
        ::fdatasync(descriptor) != 0) {
      return std::nullopt;
    }
    times.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
            .count());
  }
  const auto middle = times.begin() + kWrites / 2;
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

Finding check_writing(const std::string& path) {
  const ScratchFile scratch(path);
  if (scratch.descriptor() < 0) {
    return fail(kSubject, cat("No file can be made beside '", path, "': ", std::strerror(errno),
                              ". SQLite needs some there: give the server's user the directory."));
  }
  const auto time_ms = durable_write_ms(scratch.descriptor());
  if (!time_ms) {
    return fail(kSubject, cat("A file beside '", path, "' can't be written: ", std::strerror(errno),
                              ". Look for a full or failing disk."));
  }
  std::array<char, 32> number{};
  std::snprintf(number.data(), number.size(), "%.2f", *time_ms);
  const std::string takes = cat("A durable write takes ", number.data(), " ms");
  if (*time_ms <= kSlowWriteMs) return ok(kSubject, takes + ".");
  return warn(kSubject, takes +
                            ", and each strict id or batch of them waits for one. Use a disk "
                            "that is faster, or less busy, or cached counters.");
}

}  // namespace

Findings check_disk(const std::string& url) {
  const auto file = store::local_file(url);
  if (!file) return {};
  std::string directory = std::filesystem::path(file->path).parent_path().string();
  if (directory.empty()) directory = ".";
  Findings findings{check_kind(directory)};
  if (findings.back().verdict == Verdict::kFail) return findings;
  findings.push_back(check_room(directory));
  findings.push_back(check_writing(file->path));
  return findings;
}

}  // namespace nextid::doctor
