// Opening a PostgreSQL store: its tables are found, made or brought up to date, and their identity
// is compared with the cluster's.
#pragma once

#include <cstdint>
#include <string>

#include "nextid/error.h"
#include "nextid/log.h"
#include "nextid/statistics.h"

#include "store/postgres/identity.h"
#include "store/postgres/servers.h"
#include "store/postgres/session.h"
#include "store/postgres/url.h"

namespace nextid::store {

struct OpenedPostgres {
  PostgresServers servers;
  PostgresSession session;
  std::string schema;  ///< In which the tables are.
  PostgresStoreRow row;
  bool made = false;  ///< By this opening.
};

/// Blocks for a few attempt timeouts at most. Errors: kInvalid (libpq does not take the URL, no
/// tables and none to be made, no schema), kUnavailable (no connection, no rights, a standby,
/// fsync off), kCorrupt (newer tables, a copy).
Result<OpenedPostgres> open_postgres(const PostgresSettings& settings);

/// Whether the server says that there are no tables. False where it can't be asked.
bool postgres_is_missing(const PostgresSettings& settings);

/// Takes the tables as they are, on the cluster where they are; counters made from now on leave
/// out `skip_for_new` ids at least.
Result<void> end_postgres_recovery(const PostgresSettings& settings, std::uint64_t skip_for_new);

}  // namespace nextid::store
