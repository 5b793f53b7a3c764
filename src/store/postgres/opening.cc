#include "store/postgres/opening.h"

#include <optional>
#include <utility>

#include "base/cat.h"
#include "store/postgres/tables.h"

namespace nextid::store {
namespace {

using base::cat;
using Effect = PostgresFailure::Effect;
using Part = PostgresConnection::Part;
using Deadline = PostgresConnection::Deadline;

/// Connecting, looking, making tables.
constexpr int kAttempts = 4;

/// Nothing where the table is not there.
std::optional<PostgresStoreRow> find_row(PostgresConnection& connection,
                                         const PostgresTables& tables, Deadline deadline) {
  try {
    return store_row_of(connection.run({{&tables.read_store}}, Part::kWhole, deadline).front());
  } catch (const PostgresFailure& failure) {
    if (failure.misses_table()) return std::nullopt;
    throw;
  }
}

/// One node at a time, for each schema: so that two that start together make the tables once.
const PostgresStatement kOneAtATime{
    "", "SELECT pg_advisory_xact_lock(hashtextextended('nextid ' || $1, 0))"};

/// Throws PostgresFailure also where another node has made them, or makes them.
void try_to_make_tables(PostgresConnection& connection, const PostgresTables& tables,
                        Deadline deadline) {
  try {
    connection.run({{&kOneAtATime, {tables.schema}}}, Part::kFirst, deadline);
    std::vector<PostgresStatement> statements;
    for (std::string& sql : upgrade_statements(tables, 0))
      statements.push_back({"", std::move(sql)});
    std::vector<PostgresQuery> queries;
    for (const PostgresStatement& statement : statements) queries.push_back({&statement});
    connection.run(queries, Part::kLast, deadline);
  } catch (const PostgresFailure&) {
    connection.roll_back(deadline);
    throw;
  }
}

/// True if this made the tables, and no other node did.
bool make_tables(PostgresConnection& connection, const PostgresTables& tables, Deadline deadline) {
  for (;;) {
    try {
      try_to_make_tables(connection, tables, deadline);
      return true;
    } catch (const PostgresFailure& failure) {
      constexpr std::string_view kIsThere = "42P07";
      if (failure.sqlstate() == kIsThere) return false;
      // Another node may take longer to make them than a wait for a lock does.
      if (!failure.waited_for_lock() || base::monotonic_now() >= deadline) throw;
    }
  }
}

Error missing(const PostgresSettings& settings, const PostgresServer& server,
              const std::string& schema) {
  return Error(ErrorCode::kInvalid,
               cat("there is no store in database '", server.database, "', schema '", schema,
                   "'; make its tables with create=true in the URL, or run what `nextid schema "
                   "--store '",
                   settings.url, "'` prints."));
}

Result<std::string> schema_of_tables(const PostgresSettings& settings,
                                     const PostgresServer& server) {
  if (!settings.schema.empty()) return settings.schema;
  if (!server.schema.empty()) return server.schema;
  return Error(ErrorCode::kInvalid,
               cat("role '", server.user, "' has no schema for tables in database '",
                   server.database, "': name one with schema= in the URL."));
}

/// Refuses tables that this program can't use, and a copy of a store.
Result<void> check_row(const PostgresSettings& settings, const PostgresServer& server,
                       const PostgresStoreRow& row) {
  if (row.format > kPostgresFormat || row.format < 1) {
    return Error(ErrorCode::kCorrupt,
                 cat("the tables of ", settings.url, " have the format ", row.format,
                     ", and this nextid knows none after ", kPostgresFormat,
                     "; use the nextid that made them, or a newer one."));
  }
  const bool is_elsewhere =
      !row.system.empty() && !server.system.empty() && row.system != server.system;
  if (!is_elsewhere || settings.accept_copy || settings.accept_as_is) return {};
  return Error(
      ErrorCode::kCorrupt,
      cat("the store ", settings.url, " is a copy: it was used on the PostgreSQL cluster ",
          row.system, ", and this one is ", server.system,
          "; ids that were given out since it was made may be given again. If the other one is "
          "used no more, run: nextid recover --all --store '",
          settings.url, "'."));
}

/// Writes the cluster's identifier into the row, if it is to have it.
void keep_system(PostgresConnection& connection, const PostgresTables& tables,
                 const std::string& system, std::uint64_t skip_for_new, Deadline deadline) {
  const PostgresStatement keep{"", cat("UPDATE ", tables.store,
                                       " SET system = nullif($1, ''),"
                                       " skip_for_new = greatest(skip_for_new, $2::bigint)")};
  connection.run({{&keep, {system, cat(skip_for_new)}}}, Part::kWhole, deadline);
}

Result<OpenedPostgres> open_tables(const PostgresSettings& settings, PostgresServers servers,
                                   PostgresSession session, Deadline deadline) {
  const auto schema = schema_of_tables(settings, session.server);
  if (!schema) return schema.error();
  const PostgresTables tables(*schema);
  PostgresConnection& connection = *session.connection;
  auto row = find_row(connection, tables, deadline);
  bool made = false;
  if (!row) {
    if (!settings.create || settings.is_known) return missing(settings, session.server, *schema);
    made = make_tables(connection, tables, deadline);
    row = find_row(connection, tables, deadline);
    if (!row) return missing(settings, session.server, *schema);
  }
  if (const auto good = check_row(settings, session.server, *row); !good) return good.error();
  const bool is_new_place = row->system != session.server.system && !session.server.system.empty();
  if (is_new_place && !settings.accept_as_is) {
    keep_system(connection, tables, session.server.system, 0, deadline);
  }
  return OpenedPostgres{std::move(servers), std::move(session), *schema, *std::move(row), made};
}

}  // namespace

Result<OpenedPostgres> open_postgres(const PostgresSettings& settings) {
  auto servers = PostgresServers::find(settings);
  if (!servers) return servers.error();
  const auto deadline = base::monotonic_now() + kAttempts * settings.attempt_timeout;
  try {
    auto session = open_session(*servers, settings.attempt_timeout, deadline);
    return open_tables(settings, *std::move(servers), std::move(session), deadline);
  } catch (const PostgresFailure& failure) {
    return error_of(failure);
  }
}

bool postgres_is_missing(const PostgresSettings& settings) {
  auto servers = PostgresServers::find(settings);
  if (!servers) return false;
  const auto deadline = base::monotonic_now() + kAttempts * settings.attempt_timeout;
  try {
    const auto session = open_session(*servers, settings.attempt_timeout, deadline);
    const auto schema = schema_of_tables(settings, session.server);
    return schema && !find_row(*session.connection, PostgresTables(*schema), deadline);
  } catch (const PostgresFailure&) {
    return false;
  }
}

Result<void> end_postgres_recovery(const PostgresSettings& settings, std::uint64_t skip_for_new) {
  PostgresSettings taking = settings;
  taking.create = false;
  taking.accept_as_is = true;
  auto opened = open_postgres(taking);
  if (!opened) return opened.error();
  try {
    keep_system(*opened->session.connection, PostgresTables(opened->schema),
                opened->session.server.system, skip_for_new,
                base::monotonic_now() + settings.attempt_timeout);
    return {};
  } catch (const PostgresFailure& failure) {
    return error_of(failure);
  }
}

}  // namespace nextid::store
