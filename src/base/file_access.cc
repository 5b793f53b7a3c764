#include "base/file_access.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "base/cat.h"
#include "base/descriptor.h"

namespace nextid::base {
namespace {

namespace fs = std::filesystem;

/// "belongs to the user 0, with the mode 0666"
std::string owner_and_mode(const struct stat& status) {
  std::array<char, 8> mode{};
  std::snprintf(mode.data(), mode.size(), "%04o", static_cast<unsigned>(status.st_mode & 07777));
  return cat("belongs to the user ", status.st_uid, ", with the mode ", mode.data());
}

/// Why somebody else could give the name `path`, which is absolute, to a file of theirs.
std::optional<std::string> why_replaceable(const fs::path& path) {
  const std::string directory = path.parent_path().string();
  struct stat around {};
  if (::stat(directory.c_str(), &around) != 0 || (around.st_mode & S_IWOTH) == 0) {
    return std::nullopt;
  }
  if ((around.st_mode & S_ISVTX) == 0) {
    return cat("every user of this machine could exchange it: its directory ", directory, " ",
               owner_and_mode(around), "; run `chmod o-w ", directory, "`");
  }
  struct stat entry {};
  if (::lstat(path.c_str(), &entry) != 0) return std::nullopt;
  const bool is_trusted =
      entry.st_uid == 0 || entry.st_uid == ::geteuid() || entry.st_uid == around.st_uid;
  if (is_trusted) return std::nullopt;
  return cat("another user made it where everyone may make files: ", path.string(), " ",
             owner_and_mode(entry), "; if it is to be relied on, run `chown ", ::geteuid(), " ",
             path.string(), "`");
}

/// The same of all directories on the way to it: who exchanges one of them exchanges the file.
std::optional<std::string> why_way_is_replaceable(fs::path path) {
  for (; path.has_relative_path(); path = path.parent_path()) {
    if (auto why = why_replaceable(path)) return why;
  }
  return std::nullopt;
}

std::optional<std::string> exposure(const std::string& path, mode_t changes) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  const bool changeable = (status.st_mode & changes) != 0;
  if (!changeable && (status.st_mode & S_IROTH) == 0) return std::nullopt;
  return cat("Other users of this machine may ", changeable ? "change " : "read ", path, ", which ",
             owner_and_mode(status), "; `chmod ", changeable ? "g-w,o-rwx " : "o-rwx ", path,
             "` ends that.");
}

}  // namespace

bool make_own_file(const std::string& path) noexcept {
  constexpr int kFlags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
  return Descriptor(::open(path.c_str(), kFlags, kOwnMode)).is_open() || errno == EEXIST;
}

std::optional<std::string> why_others_can_write(const std::string& path) {
  struct stat file {};
  const bool is_there = ::stat(path.c_str(), &file) == 0;
  if (is_there && !S_ISREG(file.st_mode)) return std::nullopt;
  if (is_there && (file.st_mode & S_IWOTH) != 0) {
    return cat("every user of this machine may change it: it ", owner_and_mode(file),
               "; run `chmod o-w ", path, "`");
  }
  std::error_code error;
  const fs::path given = fs::absolute(path, error);
  if (error) return std::nullopt;
  if (auto why = why_way_is_replaceable(given)) return why;
  const fs::path end_of_links = fs::weakly_canonical(path, error);
  return error ? std::nullopt : why_way_is_replaceable(end_of_links);
}

std::optional<std::string> exposure_of_secret(const std::string& path) {
  return exposure(path, S_IWGRP | S_IWOTH);
}

std::optional<std::string> exposure_of_shared(const std::string& path) {
  return exposure(path, S_IWOTH);
}

}  // namespace nextid::base
