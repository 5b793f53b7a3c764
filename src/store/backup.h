// Backups of stores by URL, and what puts them back: one row of the table in factory.cc a store.
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

/// Puts a copy of the backup in the place of the store, which nobody may use. A store that is there
/// stays, kConflict, unless `force`: then it is set aside. The store gives out no ids before it was
/// recovered.
Result<BackupContents> restore(const std::string& file, std::string_view url, bool force);

/// What a backup, or an SQLite store that nobody uses, has.
Result<BackupContents> read_backup(const std::string& file);

/// The store was opened with OpenOptions::accept_as_is, and its counters are where they should be:
/// it opens for everyone again. Counters of which it does not know, since they were made after what
/// it has, leave out their first `skip_for_new` ids when they are made again, at most kMaxId.
/// DynamoDB can't keep that, and does as if it were 0.
Result<void> end_recovery(std::string_view url, std::uint64_t skip_for_new);

}  // namespace nextid::store
