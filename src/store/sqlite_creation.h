// Making a new database.
#pragma once

#include <string>

namespace nextid::store {

/// Makes a database without counters at `path`, where there is none yet or an empty file: whole and
/// durable, or not at all, since it gets its name when it is complete. The owner, group and mode of
/// an empty file stay. Requires that FileLock of `path` is held. Throws SqliteFailure, with nothing
/// left.
void make_sqlite_file(const std::string& path);

}  // namespace nextid::store
