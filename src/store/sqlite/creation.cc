#include "store/sqlite/creation.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cat.h"
#include "base/clock.h"
#include "base/descriptor.h"
#include "base/file_access.h"
#include "store/sqlite/database.h"
#include "store/sqlite/place.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/seal.h"

namespace nextid::store {
namespace {

using base::cat;

SqliteFailure cannot_make(const std::string& path) {
  const int code = errno == ENOSPC || errno == EDQUOT ? SQLITE_FULL : SQLITE_CANTOPEN;
  return SqliteFailure(code, cat("can't make ", path, ": ", std::strerror(errno),
                                 "; make its directory writable for this user"));
}

/// A rename becomes durable with its directory.
void sync_directory(const std::string& path) {
  const std::string directory = std::filesystem::path(path).parent_path().string();
  const base::Descriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.is_open() || ::fsync(opened.descriptor()) != 0) throw cannot_make(path);
}

/// A database in all but its name.
void make_draft(const std::string& draft, const std::string& path) {
  Database database(draft, kDraftFlags);
  configure(database);
  database.execute("BEGIN IMMEDIATE");
  set_up_schema(database);
  Seal seal;
  seal.identity = random_identity();
  seal.mark = random_mark();
  seal.place = place_of(draft);
  seal.path = path;
  seal.used_s = static_cast<std::int64_t>(base::wall_now_us() / 1'000'000);
  SqliteSeal(database).write(seal);
  database.execute("COMMIT");
  keep_log(database);
  // With the last connection the log goes, which is empty.
  sqlite3_db_config(database.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
}

void take_over_mode(const std::string& from, const std::string& to) {
  struct stat status {};
  if (::stat(from.c_str(), &status) != 0) return;
  if (::chown(to.c_str(), status.st_uid, status.st_gid) != 0 ||
      ::chmod(to.c_str(), status.st_mode) != 0) {
    throw cannot_make(from);
  }
}

}  // namespace

std::string begin_draft(const std::string& path) {
  const std::string draft = path + "-new";
  remove_draft(draft);
  // Else SQLite makes it, and everyone may read it until it is done.
  if (!base::make_own_file(draft)) throw cannot_make(path);
  return draft;
}

void end_draft(const std::string& draft, const std::string& path) {
  take_over_mode(path, draft);
  if (::rename(draft.c_str(), path.c_str()) != 0) throw cannot_make(path);
  sync_directory(path);
}

void remove_draft(const std::string& draft) noexcept {
  for (const char* suffix : {"", "-journal", "-wal", "-shm"}) ::unlink((draft + suffix).c_str());
}

void make_sqlite_file(const std::string& path) {
  const std::string draft = begin_draft(path);
  try {
    make_draft(draft, path);
    end_draft(draft, path);
  } catch (const SqliteFailure&) {
    remove_draft(draft);
    throw;
  }
}

}  // namespace nextid::store
