// A connection that is ready for ops: what its server is, and what the store rests on there.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "nextid/statistics.h"

#include "store/postgres/connection.h"
#include "store/postgres/tables.h"

namespace nextid::store {

/// The process of a server that serves one session.
struct PostgresProcess {
  std::string id = {};  ///< Empty behind a pooler.
  std::string start = {};
  std::string mark = {};  ///< Behind a pooler: Session::mark.
};

/// What a server says of itself, and of this session.
struct PostgresServer {
  std::string place;    ///< "host 'db1', port 5432"
  std::string version;  ///< "15.18"
  std::string user;
  std::string database;
  std::string schema;  ///< The first of the search path; empty: there is none.
  /// Of the cluster, for ever; its standbys have it, too. Empty where it does not tell.
  std::string system;
  PostgresProcess process;
  bool is_pooled = false;     ///< Behind a pooler, such as PgBouncer.
  bool is_standby = false;    ///< It replays another server's log.
  bool is_read_only = false;  ///< A transaction can't write.
  std::string fsync;
  std::string full_page_writes;
  std::string synchronous_commit;  ///< As the session had it at first.
  std::string synchronous_standbys;
  std::int64_t standbys = 0;  ///< Connected now.
  std::int64_t clock_ms = 0;  ///< Its clock, since 1970.
  std::int64_t asked_ms = 0;  ///< This machine's, when it was asked.
};

/// Reads it.
PostgresServer inspect(PostgresConnection& connection, PostgresConnection::Deadline deadline);

/// Throws PostgresFailure (kNotApplied) where the server takes no writes, or loses those that it
/// has acknowledged (I2).
void require_durable(const PostgresServer& server);

/// What the durability of the ids rests on there, for doctor and health().
std::vector<HealthFact> facts_of(const PostgresServer& server);

/// The settings that each transaction runs with: see PostgresStore.
PostgresConnection::Session session_for(const PostgresServer& server,
                                        std::chrono::milliseconds attempt_timeout);

/// Ends processes whose client, of the same role, has given up the connection, if they wait for it:
/// in the middle of a transaction they hold its locks, until the server's network notices, which
/// may take hours. Returns how many are still there, these included.
std::size_t end_processes(PostgresConnection& connection,
                          const std::vector<PostgresProcess>& processes,
                          PostgresConnection::Deadline deadline);

struct PostgresSession {
  std::unique_ptr<PostgresConnection> connection;
  PostgresServer server;
};

/// Connects to one of the servers, looks at it, and configures the session. Throws PostgresFailure
/// (kNotApplied).
PostgresSession open_session(PostgresServers& servers, std::chrono::milliseconds attempt_timeout,
                             PostgresConnection::Deadline deadline);

}  // namespace nextid::store
