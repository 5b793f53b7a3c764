#include "store/mysql/opening.h"

#include <string>
#include <utility>

#include "base/cat.h"
#include "base/quoting.h"

namespace nextid::store {
namespace {

using base::cat;

Error corrupt(const std::string& sentence) { return Error(ErrorCode::kCorrupt, sentence + "."); }

std::string recover_command(const MysqlShared& shared) {
  return cat("nextid recover --all --store '", shared.settings.url, "' --skip N");
}

/// Nothing where there is no row, or not even a table.
std::optional<MysqlStoreRow> read_row(MysqlSession& session, const MysqlShared& shared) {
  try {
    return store_row_of(session.run(store_row_sql(shared.tables, session.is_mariadb())).front());
  } catch (const MysqlFailure& failure) {
    if (failure.fate() == MysqlFailure::Fate::kAnswered &&
        failure.kind() == MysqlErrorKind::kGone) {
      return std::nullopt;
    }
    throw;
  }
}

Error missing(const MysqlShared& shared) {
  return Error(ErrorCode::kInvalid,
               cat("there is no store in the tables ", shared.settings.tables, "_... of ",
                   shared.settings.url,
                   ", and none is to be made; check the database in the URL, make the tables with "
                   "create=true in the URL, or run what `nextid schema` prints as an "
                   "administrator."));
}

/// What must not be used, with its way on.
std::optional<Error> problem_with(const MysqlStoreRow& row, const MysqlShared& shared) {
  const MysqlSettings& settings = shared.settings;
  if (row.version > kMysqlSchemaVersion) {
    return corrupt(cat("the store ", settings.url, " has the format ", row.version,
                       " of a newer nextid; this one knows formats up to ", kMysqlSchemaVersion,
                       ": install the newer release"));
  }
  const bool is_accepted = settings.accept_copy || settings.accept_as_is;
  if (row.is_restored && !is_accepted) {
    return corrupt(
        cat("the store ", settings.url,
            " came out of a dump, and the ids that were given out after it was taken would be "
            "given again; ",
            recover_command(shared),
            " moves its counters on, and --exact instead of --skip N takes it as it is"));
  }
  return std::nullopt;
}

/// Makes the tables, and the row. Others may do so at the same time: one of them makes the row.
/// True if this was the one.
Result<bool> make_store(MysqlSession& session, const MysqlShared& shared) {
  session.run(mysql_schema(shared.tables));
  const auto some = session.run(cat("SELECT 1 FROM ", shared.tables.counters, " LIMIT 1"));
  // The last may have been written by the one who made the row a moment ago.
  if (!some.front().rows.empty() && !read_row(session, shared)) {
    return corrupt(cat("the table ", shared.tables.counters, " of ", shared.settings.url,
                       " has counters, and ", shared.tables.store,
                       " has no row: the one is left from a store, or was restored without the "
                       "other; restore all three tables, or empty ",
                       shared.tables.counters, " if its ids may be given again"));
  }
  return session.run(make_store_row_sql(shared.tables)).front().matched == 1;
}

/// What this server's commits rest on, where that is not all it could be.
std::string warnings_of(const MysqlShared& shared) {
  std::string warnings;
  for (const HealthFact& fact : shared.health().facts) {
    if (fact.verdict != HealthVerdict::kWarn) continue;
    warnings += cat(warnings.empty() ? "" : " ", fact.sentence);
  }
  return warnings;
}

/// A remark where the server is another one than last time.
std::string compare_server(MysqlSession& session, const MysqlShared& shared,
                           const MysqlStoreRow& row) {
  const std::string now = server_text(session.variables());
  if (row.server == now) return "";
  session.run(
      cat("UPDATE ", shared.tables.store, " SET server = ", mysql_literal(now), " WHERE id = 1"));
  if (row.server.empty()) return "";
  return cat("The store was last opened on another server (", base::printable(row.server, 200),
             "), and is on ", base::printable(now, 200),
             " now. If that was a replica that took over, it may lack the last ids, unless "
             "replication is semi-synchronous; if this is a copy, the other must not be used.");
}

}  // namespace

Result<StoreOpening> open_mysql_store(const std::shared_ptr<MysqlShared>& shared) {
  MysqlSession session(shared);
  session.make_ready();
  StoreOpening opening;
  auto row = read_row(session, *shared);
  if (!row) {
    if (!shared->settings.create || shared->settings.is_known) return missing(*shared);
    const auto made = make_store(session, *shared);
    if (!made) return made.error();
    opening.made = *made;
    row = read_row(session, *shared);
    if (!row) return missing(*shared);
  }
  if (auto problem = problem_with(*row, *shared)) return *std::move(problem);
  if (row->is_restored && shared->settings.accept_copy) {
    end_mysql_recovery(shared, row->skip_for_new);
  }
  opening.identity = row->identity;
  opening.remark = compare_server(session, *shared, *row);
  const std::string warnings = warnings_of(*shared);
  opening.remark += cat(opening.remark.empty() || warnings.empty() ? "" : " ", warnings);
  shared->set_identity(row->identity);
  return opening;
}

bool is_mysql_store_missing(const std::shared_ptr<MysqlShared>& shared) {
  MysqlSession session(shared);
  session.make_ready();
  return !read_row(session, *shared);
}

void end_mysql_recovery(const std::shared_ptr<MysqlShared>& shared, std::uint64_t skip_for_new) {
  MysqlSession session(shared);
  session.make_ready();
  session.run(cat("UPDATE ", shared->tables.store, " SET skip_for_new = GREATEST(skip_for_new, ",
                  skip_for_new, "), sealed = NOW(6) WHERE id = 1"));
}

}  // namespace nextid::store
