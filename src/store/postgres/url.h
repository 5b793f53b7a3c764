// The URL of a PostgreSQL store: postgres://USER@HOST[:PORT][,HOST...]/DATABASE?...
#pragma once

#include <chrono>
#include <string>

#include "nextid/error.h"

namespace nextid::store {

struct PostgresSettings {
  std::string conninfo;   ///< The URL for libpq, without our own parameters. May hold a password.
  std::string url;        ///< For sentences: without a password.
  std::string user;       ///< As the URL names it; empty where libpq finds it elsewhere.
  std::string schema;     ///< Of our tables; empty: the first of the session's search path.
  bool create = true;     ///< Make the tables when they are missing.
  bool is_known = false;  ///< The store was there before: no table is made.
  bool accept_copy = false;   ///< See OpenOptions.
  bool accept_as_is = false;  ///< See OpenOptions.
  /// For each wait on the server. What a call waits for in all, see PostgresStore.
  std::chrono::milliseconds attempt_timeout{2'000};
};

/// Parses what follows "postgres:". `create` holds where the URL does not say. kInvalid names the
/// part that is wrong and what it may be, but never the password.
Result<PostgresSettings> parse_postgres_url(const std::string& rest, bool create = true);

}  // namespace nextid::store
