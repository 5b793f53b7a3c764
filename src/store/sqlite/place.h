// Where a file lies: what tells it from a copy of itself, and what would give its users different
// side files.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>

namespace nextid::store {

/// One file, as long as it exists, whatever its names.
struct FileId {
  dev_t device = 0;
  ino_t inode = 0;

  friend bool operator==(const FileId&, const FileId&) = default;
};

/// That of the file at `path`; nothing when there is none. Throws SqliteFailure when it can't be
/// looked at.
std::optional<FileId> file_id_of(const std::string& path);

/// What a file keeps for life on common file systems, and what no copy of it has.
struct Place {
  std::uint64_t inode = 0;
  std::int64_t born_ns = 0;  ///< Since 1970.
  std::uint64_t volume = 0;  ///< Of btrfs, whose snapshots keep the other two.
  bool is_lasting = false;   ///< False: the file system does not promise these, or tells none.
  std::string file_system;   ///< "ext4", or its number.

  /// False if either is on a file system that does not promise these.
  bool differs_from(const Place& other) const noexcept {
    return is_lasting && other.is_lasting &&
           (inode != other.inode || born_ns != other.born_ns || volume != other.volume);
  }
};

/// Throws SqliteFailure when the file can't be looked at.
Place place_of(const std::string& path);

/// Throws SqliteFailure when the file at `path` has another name, is mounted by itself, or when a
/// side file is not its own: then others may have other side files than we, and SQLite's locks and
/// log protect only processes that share them (I8).
void refuse_divided(const std::string& path);

}  // namespace nextid::store
