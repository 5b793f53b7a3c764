#include "store/sqlite/place.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <sqlite3.h>

#include "base/cat.h"
#include "store/sqlite/database.h"

namespace nextid::store {
namespace {

using base::cat;

struct Lasting {
  std::uint32_t magic;
  const char* name;
};

/// File systems that keep inode numbers and birth times for a file's life, over mounts and reboots.
/// statfs(2) has the numbers.
constexpr std::array kLasting{
    Lasting{EXT4_SUPER_MAGIC, "ext4"},   Lasting{0x58465342, "xfs"},
    Lasting{BTRFS_SUPER_MAGIC, "btrfs"}, Lasting{F2FS_SUPER_MAGIC, "f2fs"},
    Lasting{0x2fc12fc1, "zfs"},          Lasting{0xca451a4e, "bcachefs"},
    Lasting{TMPFS_MAGIC, "tmpfs"},
};

SqliteFailure cannot_look(const std::string& path) {
  return SqliteFailure(SQLITE_CANTOPEN, cat("can't open ", path, ": ", std::strerror(errno),
                                            "; check the path and its permissions"));
}

struct statx look(const std::string& path, int flags) {
  struct statx status {};
  if (::statx(AT_FDCWD, path.c_str(), flags, STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID,
              &status) != 0) {
    throw cannot_look(path);
  }
  return status;
}

void refuse_odd_side_file(const std::string& path, const char* suffix) {
  const std::string side_file = path + suffix;
  struct stat status {};
  if (::lstat(side_file.c_str(), &status) != 0) return;
  if (S_ISREG(status.st_mode) && status.st_nlink <= 1) return;
  throw SqliteFailure(SQLITE_CANTOPEN, cat("can't open ", path, ": ", side_file,
                                           " is not a file of its own, but a link or something "
                                           "else; stop all that use it, and remove the link"));
}

}  // namespace

std::optional<FileId> file_id_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) return FileId{status.st_dev, status.st_ino};
  if (errno == ENOENT) return std::nullopt;
  throw cannot_look(path);
}

Place place_of(const std::string& path) {
  const struct statx status = look(path, 0);
  struct statfs system {};
  if (::statfs(path.c_str(), &system) != 0) throw cannot_look(path);
  Place place;
  place.inode = status.stx_ino;
  if ((status.stx_mask & STATX_BTIME) != 0) {
    place.born_ns = status.stx_btime.tv_sec * 1'000'000'000 + status.stx_btime.tv_nsec;
  }
  const auto magic = static_cast<std::uint32_t>(system.f_type);
  std::array<char, 16> number{};
  std::snprintf(number.data(), number.size(), "0x%08x", magic);
  place.file_system = number.data();
  for (const Lasting& known : kLasting) {
    if (known.magic != magic) continue;
    place.file_system = known.name;
    place.is_lasting = place.born_ns != 0;
  }
  if (magic == BTRFS_SUPER_MAGIC) {
    std::uint64_t volume = 0;
    static_assert(sizeof system.f_fsid == sizeof volume);
    std::memcpy(&volume, &system.f_fsid, sizeof volume);
    place.volume = volume >> 1;  // A number that SQLite can keep.
  }
  return place;
}

void refuse_divided(const std::string& path) {
  const struct statx file = look(path, 0);
  if (file.stx_nlink > 1) {
    throw SqliteFailure(
        SQLITE_CANTOPEN,
        cat("can't open ", path, ": it has ", file.stx_nlink,
            " names (hard links), and its log lies beside one of them alone; remove the others"));
  }
  const std::string directory = std::filesystem::path(path).parent_path().string();
  const struct statx around = look(directory.empty() ? "/" : directory, 0);
  const bool told = (file.stx_mask & around.stx_mask & STATX_MNT_ID) != 0;
  if (told && file.stx_mnt_id != around.stx_mnt_id) {
    throw SqliteFailure(SQLITE_CANTOPEN,
                        cat("can't open ", path,
                            ": it is mounted by itself, and its log would be left behind; mount "
                            "its directory instead, as in -v ./data:/data"));
  }
  for (const char* suffix : {"-wal", "-shm", "-lock"}) refuse_odd_side_file(path, suffix);
}

}  // namespace nextid::store
