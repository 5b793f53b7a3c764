// Backups of stores by URL, and how they are put back. Each kind of store is one row of the table
// in factory.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "nextid/error.h"

#include "store/common/backup_contents.h"

namespace nextid::store {

/// Writes a consistent copy of the store to `file`, while others may use the store: verified, and
/// whole or not there at all. An existing file stays, kConflict, unless `force`. The copy gives out
/// no ids before it was restored or recovered. kInvalid for a store that has no files.
Result<BackupContents> back_up(std::string_view url, const std::string& file, bool force);

/// Puts a copy of the backup in the place of the store, which must not be in use. An existing store
/// stays, kConflict, unless `force`: then it is set aside. The store gives out no ids before it was
/// recovered.
Result<BackupContents> restore(const std::string& file, std::string_view url, bool force);

/// What a backup holds, or an SQLite store that is not in use.
Result<BackupContents> read_backup(const std::string& file);

/// Ends a recovery: the store, which was opened with OpenOptions::accept_as_is and whose counters
/// have been moved on, opens for everyone again. A counter that it does not know, since it was made
/// after the backup, skips its first `skip_for_new` ids, at most kMaxId, when it is made again.
/// DynamoDB can't keep that number, and takes it as 0.
Result<void> end_recovery(std::string_view url, std::uint64_t skip_for_new);

}  // namespace nextid::store
