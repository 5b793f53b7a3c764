#include "store/postgres/session.h"

#include <algorithm>
#include <random>
#include <utility>

#include "base/cat.h"

namespace nextid::store {
namespace {

using base::cat;
using Effect = PostgresFailure::Effect;
using Deadline = PostgresConnection::Deadline;

const PostgresStatement kInspect{
    "",
    "SELECT pg_backend_pid(), current_setting('server_version'), current_user,"
    " current_database(), current_schema(), pg_is_in_recovery(),"
    " current_setting('transaction_read_only'), current_setting('fsync', true),"
    " current_setting('full_page_writes', true), current_setting('synchronous_commit', true),"
    " current_setting('synchronous_standby_names', true),"
    " (SELECT count(*) FROM pg_stat_replication),"
    " (extract(epoch FROM clock_timestamp()) * 1000)::bigint,"
    " (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid())"};
const PostgresStatement kSystem{"", "SELECT system_identifier FROM pg_control_system()"};
/// Not one that waits for a standby (SyncRep): its commit would be taken for done here. One row
/// while the process is there.
const PostgresStatement kEndProcess{
    "",
    "SELECT CASE WHEN wait_event = 'ClientRead' THEN pg_terminate_backend(pid) END"
    " FROM pg_stat_activity WHERE pid = $1::int AND backend_start = $2::timestamptz"};

/// The same for the process that has a marked transaction. A lock's number is in two halves:
/// https://www.postgresql.org/docs/15/view-pg-locks.html
const PostgresStatement kEndMarked{
    "",
    "SELECT CASE WHEN wait_event = 'ClientRead' THEN pg_terminate_backend(pid) END"
    " FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE locktype = 'advisory'"
    " AND objsubid = 1 AND classid::bigint = ($1::bigint >> 32) & 4294967295"
    " AND objid::bigint = $1::bigint & 4294967295"};

PostgresFailure refusal(std::string why) { return {Effect::kNotApplied, std::move(why)}; }

/// Empty where the server does not tell.
std::string read_system(PostgresConnection& connection, Deadline deadline) {
  try {
    const auto rows = connection.run({{&kSystem}}, PostgresConnection::Part::kWhole, deadline);
    return std::string(rows.front().text(0, 0));
  } catch (const PostgresFailure& failure) {
    if (failure.effect() != Effect::kNotApplied) throw;
    return {};
  }
}

HealthFact ok(std::string subject, std::string sentence) {
  return {std::move(subject), HealthVerdict::kOk, std::move(sentence)};
}
HealthFact warn(std::string subject, std::string sentence) {
  return {std::move(subject), HealthVerdict::kWarn, std::move(sentence)};
}

HealthFact fact_of_commits(const PostgresServer& server) {
  const std::string used = session_for(server, {}).synchronous_commit;
  if (used == server.synchronous_commit) {
    return ok("durability", cat("synchronous_commit is ", used, "."));
  }
  return ok("durability", cat("synchronous_commit is ", server.synchronous_commit,
                              " by default; nextid sets it to ", used, " for its own sessions."));
}

HealthFact fact_of_standbys(const PostgresServer& server) {
  constexpr const char* kSubject = "standbys";
  if (!server.synchronous_standbys.empty()) {
    return ok(kSubject, cat("Each commit waits for the synchronous standbys '",
                            server.synchronous_standbys, "'."));
  }
  if (server.standbys == 0) return ok(kSubject, "There is no standby.");
  const std::string which = server.standbys == 1
                                ? std::string("Its standby is asynchronous")
                                : cat("Its ", server.standbys, " standbys are asynchronous");
  return warn(kSubject, cat(which,
                            ": after it was promoted, ids that were given out may be given again. "
                            "Use synchronous_standby_names, or run nextid recover after each "
                            "failover."));
}

}  // namespace

PostgresServer inspect(PostgresConnection& connection, Deadline deadline) {
  PostgresServer server;
  server.asked_ms = static_cast<std::int64_t>(base::wall_now_us() / 1000);
  const auto results = connection.run({{&kInspect}}, PostgresConnection::Part::kWhole, deadline);
  const PostgresRows& row = results.front();
  const auto text = [&row](int column) { return std::string(row.text(0, column)); };
  server.place = connection.server();
  server.is_pooled = row.integer(0, 0) != connection.backend_pid();
  const std::string version = text(1);
  server.version = version.substr(0, version.find(' '));
  server.user = text(2);
  server.database = text(3);
  server.schema = text(4);
  server.is_standby = text(5) == "t";
  server.is_read_only = text(6) == "on";
  server.fsync = text(7);
  server.full_page_writes = text(8);
  server.synchronous_commit = text(9);
  server.synchronous_standbys = text(10);
  server.standbys = row.integer(0, 11);
  server.clock_ms = row.integer(0, 12);
  if (!server.is_pooled) server.process = {text(0), text(13)};
  server.system = read_system(connection, deadline);
  return server;
}

void require_durable(const PostgresServer& server) {
  if (server.is_standby) {
    throw refusal(cat("the PostgreSQL server (", server.place,
                      ") is a standby, which takes no writes; name the primary, or all servers "
                      "with target_session_attrs=read-write"));
  }
  if (server.is_read_only) {
    throw refusal(cat("the PostgreSQL server (", server.place, ") takes no writes of role '",
                      server.user, "'; set default_transaction_read_only to off for it"));
  }
  if (server.fsync == "off") {
    throw refusal(cat("the PostgreSQL server (", server.place,
                      ") has fsync = off, so a crash takes back ids that were given out; set "
                      "fsync = on in postgresql.conf"));
  }
}

std::vector<HealthFact> facts_of(const PostgresServer& server) {
  std::vector<HealthFact> facts;
  facts.push_back(ok("server", cat("PostgreSQL ", server.version, " at ", server.place,
                                   ", database '", server.database, "', role '", server.user, "'",
                                   server.is_pooled ? ", through a pooler." : ".")));
  facts.push_back(fact_of_commits(server));
  if (server.full_page_writes == "off") {
    facts.push_back(warn("durability",
                         "full_page_writes is off: where the file system can tear a page, a power "
                         "loss damages the tables. Set it to on in postgresql.conf."));
  }
  facts.push_back(fact_of_standbys(server));
  return facts;
}

PostgresConnection::Session session_for(const PostgresServer& server,
                                        std::chrono::milliseconds attempt_timeout) {
  PostgresConnection::Session session;
  const std::string& found = server.synchronous_commit;
  // "off", "local" and "remote_write" acknowledge what a crash, here or of the standby, takes back.
  session.synchronous_commit = found == "remote_apply" ? found : "on";
  session.statement_timeout = cat(attempt_timeout.count());
  // Less than the time of the call, so that an answer tells of the lock.
  session.lock_timeout = cat(std::max<std::int64_t>(attempt_timeout.count() / 4, 1));
  return session;
}

namespace {

std::string random_mark() {
  std::random_device random;
  const std::uint64_t bits = (std::uint64_t{random()} << 32U) | random();
  return cat(static_cast<std::int64_t>(bits));
}

}  // namespace

std::size_t end_processes(PostgresConnection& connection,
                          const std::vector<PostgresProcess>& processes, Deadline deadline) {
  std::vector<PostgresQuery> queries;
  for (const PostgresProcess& process : processes) {
    if (process.mark.empty()) {
      queries.push_back({&kEndProcess, {process.id, process.start}});
    } else {
      queries.push_back({&kEndMarked, {process.mark}});
    }
  }
  const auto results = connection.run(queries, PostgresConnection::Part::kWhole, deadline);
  std::size_t there = 0;
  for (const PostgresRows& rows : results) there += static_cast<std::size_t>(rows.count());
  return there;
}

PostgresSession open_session(PostgresServers& servers, std::chrono::milliseconds attempt_timeout,
                             Deadline deadline) {
  try {
    PostgresSession session;
    session.connection = PostgresConnection::open(servers, deadline);
    session.server = inspect(*session.connection, deadline);
    require_durable(session.server);
    auto settings = session_for(session.server, attempt_timeout);
    if (session.server.is_pooled) settings.mark = session.server.process.mark = random_mark();
    session.connection->configure(std::move(settings), session.server.is_pooled, deadline);
    return session;
  } catch (const PostgresFailure& failure) {
    // Nothing was asked of the store yet.
    throw PostgresFailure(Effect::kNotApplied, failure.what(), failure.sqlstate());
  }
}

}  // namespace nextid::store
