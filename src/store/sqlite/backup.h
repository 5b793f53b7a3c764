// Copies of an SQLite store, by SQLite's backup interface (sqlite.org/backup.html).
#pragma once

#include <cstdint>
#include <string>

#include "store/common/backup_contents.h"

namespace nextid::store {

/// As the functions of store/backup.h, by the path of the store's file. All throw SqliteFailure.
BackupContents back_up_sqlite(const std::string& path, const std::string& file, bool force);
BackupContents restore_sqlite(const std::string& file, const std::string& path, bool force);
BackupContents read_sqlite_backup(const std::string& file);
void end_sqlite_recovery(const std::string& path, std::uint64_t skip_for_new);

}  // namespace nextid::store
