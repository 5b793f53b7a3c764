// One connection to a PostgreSQL server, by libpq's pipeline mode: what is asked goes out together,
// and takes one round trip. https://www.postgresql.org/docs/15/libpq-pipeline-mode.html
#pragma once

#include <cstdint>
#include <libpq-fe.h>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "store/postgres/failure.h"
#include "store/postgres/servers.h"

namespace nextid::store {

/// SQL of one statement, with $1, $2, ... for its parameters. Lives as long as its connections.
struct PostgresStatement {
  std::string name;  ///< Under which it is prepared; empty: it is not.
  std::string sql;
};

/// A statement to run, and its parameters as text; none is NULL.
struct PostgresQuery {
  const PostgresStatement* statement = nullptr;
  std::vector<std::optional<std::string>> parameters = {};
};

/// The rows that a query returned.
class PostgresRows {
 public:
  PostgresRows() = default;
  explicit PostgresRows(PGresult* result) : result_(result, &PQclear) {}

  int count() const noexcept { return result_ ? PQntuples(result_.get()) : 0; }
  bool is_null(int row, int column) const noexcept {
    return PQgetisnull(result_.get(), row, column) == 1;
  }
  /// Empty where it is null.
  std::string_view text(int row, int column) const noexcept {
    return {PQgetvalue(result_.get(), row, column),
            static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
  }
  /// Throws a PostgresFailure (kDamaged) where it is no whole number of 64 bits.
  std::int64_t integer(int row, int column) const;
  /// Rows that a write changed.
  std::int64_t changed() const noexcept;
  ExecStatusType status() const noexcept { return PQresultStatus(result_.get()); }
  /// The server's word for what it did: "COMMIT".
  std::string_view tag() const noexcept { return PQcmdStatus(result_.get()); }
  /// Of a result that is an error.
  PostgresFailure failure() const;

 private:
  std::unique_ptr<PGresult, void (*)(PGresult*)> result_{nullptr, &PQclear};
};

/// Used by one thread at a time. All that waits ends at a deadline, also if the server is silent;
/// the connection is dead then.
class PostgresConnection {
 public:
  using Deadline = base::MonotonicTime;

  /// What a run is of its transaction.
  enum class Part {
    kWhole,
    kFirst,  ///< The next run, or roll_back(), ends it.
    kLast,
  };
  /// What holds for each transaction: text values of settings of those names.
  struct Session {
    std::string synchronous_commit = "on";
    std::string statement_timeout = "0";
    std::string lock_timeout = "0";
    std::string mark = {};  ///< Of its transactions behind a pooler: a number of 64 bits.
  };

  /// Tries the servers in turn. Throws PostgresFailure, whose effect is kNotApplied. The session
  /// has no settings yet.
  static std::unique_ptr<PostgresConnection> open(PostgresServers& servers, Deadline deadline);

  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;

  /// Sets what holds for each transaction from now on. Behind a pooler (`is_pooled`), where
  /// transactions of one connection may run on many servers' connections, each transaction brings
  /// its settings along, and nothing is prepared.
  void configure(Session session, bool is_pooled, Deadline deadline);

  /// Runs the queries in one transaction, in order, in one round trip; a whole or a last part is
  /// committed, durably, when it returns. If one query fails, none has an effect: throws
  /// PostgresFailure, and failed_query() tells which. A commit about which the server had a warning
  /// is in doubt.
  std::vector<PostgresRows> run(const std::vector<PostgresQuery>& queries, Part part,
                                Deadline deadline);
  /// The index of the query whose error the last run() threw, if it was that of a query.
  std::optional<std::size_t> failed_query() const noexcept { return failed_query_; }
  /// Ends a transaction whose first part ran. The connection is dead if it can't.
  void roll_back(Deadline deadline) noexcept;

  /// False once it can't be used any more. Looks, without waiting, whether the server has closed
  /// it.
  bool is_alive() noexcept;
  /// By the handshake: a pooler tells another one than pg_backend_pid().
  int backend_pid() const noexcept { return PQbackendPID(connection_.get()); }
  /// "host 'db1', port 5432"
  std::string server() const;

 private:
  explicit PostgresConnection(PGconn* connection);
  static std::unique_ptr<PostgresConnection> open_one(const PostgresServers::Parameters& server,
                                                      Deadline deadline);

  /// What was sent, in the order of its results.
  struct Sent {
    enum class Kind { kFrame, kCommit, kPrepare, kQuery } kind;
    std::size_t query = 0;
    std::string_view name = {};
  };

  void send(const PostgresQuery& query, std::size_t index);
  void send_frame(const PostgresQuery& query, Sent::Kind kind = Sent::Kind::kFrame);
  void send_begin();
  void check_sent(int is_sent);
  std::vector<PostgresRows> receive(std::size_t queries, Deadline deadline);
  void receive_end(Deadline deadline, std::optional<PostgresFailure>& failure);
  void take(const Sent& sent, PGresult* result, std::vector<PostgresRows>& rows,
            std::optional<PostgresFailure>& failure);
  PGresult* next_result(Deadline deadline);
  void wait(short events, Deadline deadline);
  [[noreturn]] void lose(const std::string& why);
  static void receive_notice(void* self, const PGresult* notice);

  std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
  Session session_;
  bool is_pooled_ = false;
  bool is_dead_ = false;
  std::vector<Sent> sent_;
  std::unordered_set<std::string> prepared_;  // Names.
  std::optional<std::size_t> failed_query_;
  std::string warning_;  // The server's, in this run.
};

}  // namespace nextid::store
