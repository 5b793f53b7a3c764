// Making a database: under another name first, so that it is whole or not there.
#pragma once

#include <string>

#include <sqlite3.h>

namespace nextid::store {

/// Makes a database without counters at `path`, where there is none yet or an empty file: whole and
/// durable, or not at all, since it gets its name when it is complete. The owner, group and mode of
/// an empty file stay; a new one is this user's alone (0600). Requires that FileLock of `path` is
/// held. Throws SqliteFailure, with nothing left.
void make_sqlite_file(const std::string& path);

/// Its steps, for code that fills a database otherwise. begin_draft() makes an empty file
/// for this user alone, in place of what a killed process left there, and returns its name;
/// end_draft() gives the file its own name, durably, once its connection has synced it;
/// remove_draft() deletes it. The first two throw SqliteFailure.
std::string begin_draft(const std::string& path);
void end_draft(const std::string& draft, const std::string& path);
void remove_draft(const std::string& draft) noexcept;
inline constexpr int kDraftFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;

}  // namespace nextid::store
