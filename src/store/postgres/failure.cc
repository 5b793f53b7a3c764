#include "store/postgres/failure.h"

#include <array>

#include "base/cat.h"

namespace nextid::store {
namespace {

using base::cat;
using Effect = PostgresFailure::Effect;

/// A row of the table in docs/postgres.md. The first one that fits decides; a code of two
/// characters stands for its whole class.
struct Row {
  std::string_view code;
  Effect effect;
  std::string_view remedy = {};
};

constexpr std::string_view kRights = "`nextid schema` prints the GRANT statements that it needs";
constexpr std::string_view kDisk = "make room on the server's disk";
constexpr std::string_view kTables =
    "if the tables were dropped, restore them, and then run nextid recover";

constexpr std::array kRows{
    // Errors with which the server has rolled the transaction back.
    Row{"40003", Effect::kInDoubt},  // statement_completion_unknown, in a class of rollbacks.
    Row{"40", Effect::kNotApplied},  // Serialization failure, deadlock.
    Row{"55P03", Effect::kNotApplied,
        "another program holds a lock on the counter; end its transaction"},
    Row{"57014", Effect::kNotApplied},  // Cancelled, or statement_timeout: before its commit.
    Row{"25006", Effect::kNotApplied,
        "name the primary, or all servers with target_session_attrs=read-write"},
    Row{"25P03", Effect::kNotApplied},  // idle_in_transaction_session_timeout
    Row{"53100", Effect::kNotApplied, kDisk}, Row{"53200", Effect::kNotApplied},
    Row{"53300", Effect::kNotApplied, "raise max_connections, or use a pooler such as PgBouncer"},
    Row{"53400", Effect::kNotApplied}, Row{"53", Effect::kNotApplied},
    Row{"57P03", Effect::kNotApplied},  // Starting up or shutting down.
    Row{"26000", Effect::kNotApplied},  // A prepared statement that somebody has removed.
    Row{"28", Effect::kNotApplied, "check user, password and pg_hba.conf"},
    Row{"42501", Effect::kNotApplied, kRights}, Row{"42P01", Effect::kNotApplied, kTables},
    Row{"3F000", Effect::kNotApplied, kTables},
    Row{"42", Effect::kNotApplied},  // Refused before it ran.
    Row{"0A", Effect::kNotApplied},  // The same.
    Row{"22", Effect::kNotApplied},  // A number or a text that the server does not take.
    Row{"23", Effect::kNotApplied},  // A constraint, perhaps one that somebody added.
    // What is stored can't be read.
    Row{"XX001", Effect::kDamaged, "restore the database, and then run nextid recover"},
    Row{"XX002", Effect::kDamaged, "run REINDEX, or restore the database"},
    // All others leave it open, those of a shutdown (57P01, 57P02) and of a broken connection (08)
    // among them: they may come after the commit.
};

struct Hint {
  std::string_view part;
  std::string_view remedy;
};

/// libpq tells no SQLSTATE for a connection that it could not make.
constexpr std::array kHints{
    Hint{"password authentication failed",
         "check the user, and the password in PGPASSWORD, ~/.pgpass or passfile="},
    Hint{"no password supplied", "give a password in PGPASSWORD, ~/.pgpass or passfile="},
    Hint{"no pg_hba.conf entry", "add a line for this user, database and address to pg_hba.conf"},
    Hint{"too many connections for role", "raise its CONNECTION LIMIT with ALTER ROLE"},
    Hint{"too many connections for database", "raise its CONNECTION LIMIT with ALTER DATABASE"},
    Hint{"too many", "raise max_connections, or use a pooler such as PgBouncer"},
    Hint{"remaining connection slots", "raise max_connections, or use a pooler such as PgBouncer"},
    Hint{"role \"", "make the role with createuser, or name another one in the URL"},
    Hint{"database \"", "make it with createdb, or name another one in the URL"},
    Hint{"no more connections allowed", "raise max_client_conn of PgBouncer"},
    Hint{"starting up", "wait until it is up"},
    Hint{"shutting down", "wait until it is up again"},
    Hint{"not yet accepting connections", "wait until it is up"},
    Hint{"recovery mode", "wait until it is up again"},
    Hint{"could not translate host name", "check the host in the URL"},
    Hint{"certificate", "check sslrootcert=, sslcert= and sslkey=, and the server's certificate"},
    Hint{"server does not support SSL", "switch ssl on at the server"},
    Hint{"Connection refused", "check host and port, and that the server runs"},
    Hint{"No such file or directory", "check host and port, and that the server runs"},
    Hint{"session is read-only", "none of the servers is a primary that takes writes"},
    Hint{"definition of service", "check service= and the service file"},
};

/// Puts the remedy behind the sentence.
std::string with_remedy(std::string sentence, std::string_view remedy) {
  return remedy.empty() ? sentence : cat(sentence, "; ", remedy);
}

const Row* row_of(std::string_view sqlstate) noexcept {
  for (const Row& row : kRows) {
    if (sqlstate.starts_with(row.code)) return &row;
  }
  return nullptr;
}

}  // namespace

bool PostgresFailure::is_throttled() const noexcept { return sqlstate_ == "53300"; }

bool PostgresFailure::waited_for_lock() const noexcept {
  return sqlstate_ == "55P03" || sqlstate_ == "57014";
}

contract::Outcome PostgresFailure::outcome() const {
  switch (effect_) {
    case Effect::kNotApplied:
      return contract::NotApplied{why_, is_throttled()};
    case Effect::kInDoubt:
      return contract::InDoubt{why_};
    case Effect::kDamaged:
      break;
  }
  return contract::Damaged{why_};
}

contract::Outcome PostgresFailure::outcome_of_read() const {
  if (effect_ == Effect::kDamaged) return contract::Damaged{why_};
  return contract::NotApplied{why_, is_throttled()};
}

Error error_of(const PostgresFailure& failure) {
  const ErrorCode code =
      failure.effect() == Effect::kDamaged ? ErrorCode::kCorrupt : ErrorCode::kUnavailable;
  return Error(code, cat(failure.what(), "."));
}

Effect effect_of(std::string_view sqlstate) noexcept {
  const Row* row = row_of(sqlstate);
  return row == nullptr ? Effect::kInDoubt : row->effect;
}

PostgresFailure failure_of(std::string_view sqlstate, std::string_view message) {
  const Row* row = row_of(sqlstate);
  std::string sentence =
      cat("PostgreSQL refused: ", on_one_line(message), " (SQLSTATE ", sqlstate, ")");
  return {effect_of(sqlstate),
          with_remedy(std::move(sentence), row == nullptr ? std::string_view() : row->remedy),
          std::string(sqlstate)};
}

PostgresFailure failure_to_connect(std::string_view message) {
  std::string sentence = cat("can't connect to PostgreSQL: ", on_one_line(message));
  for (const Hint& hint : kHints) {
    if (message.find(hint.part) == std::string_view::npos) continue;
    sentence = with_remedy(std::move(sentence), hint.remedy);
    break;
  }
  return {Effect::kNotApplied, std::move(sentence)};
}

std::string on_one_line(std::string_view message) {
  std::string line;
  for (const char c : message) {
    const bool is_space = c == '\n' || c == '\t' || c == ' ';
    if (!is_space) {
      line += c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  while (!line.empty() && (line.back() == ' ' || line.back() == '.')) line.pop_back();
  return line;
}

}  // namespace nextid::store
