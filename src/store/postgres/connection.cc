#include "store/postgres/connection.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <poll.h>
#include <utility>

#include <climits>

#include "base/cat.h"

namespace nextid::store {
namespace {

using base::cat;
using Effect = PostgresFailure::Effect;
using Deadline = PostgresConnection::Deadline;

/// Before a session has its settings, and to end a transaction.
const PostgresStatement kBegin{"", "BEGIN ISOLATION LEVEL READ COMMITTED"};
const PostgresStatement kCommit{"", "COMMIT"};
const PostgresStatement kRollback{"", "ROLLBACK"};
/// The third parameter says whether the settings end with the transaction.
/// A role may ask for no warnings, of which one is about commits: see run().
const PostgresStatement kSet{"",
                             "SELECT set_config('synchronous_commit', $1, $4::boolean),"
                             " set_config('client_min_messages', 'warning', $4::boolean),"
                             " set_config('statement_timeout', $2, $4::boolean),"
                             " set_config('lock_timeout', $3, $4::boolean)"};
/// A lock of its own, which nobody waits for, tells which process of the server has a transaction
/// that came through a pooler.
const PostgresStatement kMark{"", "SELECT pg_advisory_xact_lock_shared($1::bigint)"};
/// A server's process whose client is gone ends soon, and with it its locks. Not every server has
/// the first one.
const PostgresStatement kSetSession{
    "",
    "SELECT set_config(name, CASE name WHEN 'default_transaction_isolation' THEN 'read committed'"
    " WHEN 'client_connection_check_interval' THEN '1000' WHEN 'tcp_keepalives_count' THEN '3'"
    " WHEN 'tcp_keepalives_idle' THEN '10' WHEN 'tcp_keepalives_interval' THEN '5' ELSE $1 END,"
    " false) FROM pg_settings WHERE name IN ('client_connection_check_interval',"
    " 'default_transaction_isolation', 'idle_in_transaction_session_timeout',"
    " 'tcp_keepalives_count', 'tcp_keepalives_idle', 'tcp_keepalives_interval')"};

constexpr const char* kOutOfStep = "its answers are not those to what was asked";

/// Where PostgreSQL warns with each write that a database must be vacuumed soon: no word about the
/// commit. The message may be in any language, and the SQLSTATE is that of all warnings.
bool is_about_vacuum(std::string_view source_function) {
  return source_function == "GetNewTransactionId" || source_function == "GetNewMultiXactId";
}

/// The time left, for poll(): at least 1 ms before the deadline.
int left_ms(Deadline deadline) {
  using std::chrono::milliseconds;
  const auto left = std::chrono::ceil<milliseconds>(deadline - base::monotonic_now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, INT_MAX));
}

/// Whether the socket was ready before the deadline.
bool wait_for_socket(int socket, short events, Deadline deadline) {
  pollfd waiting{.fd = socket, .events = events, .revents = 0};
  for (;;) {
    const int ready = ::poll(&waiting, 1, left_ms(deadline));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

}  // namespace

std::int64_t PostgresRows::integer(int row, int column) const {
  const std::string_view digits = text(row, column);
  std::int64_t number = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (is_null(row, column) || parsed.ec != std::errc{} ||
      parsed.ptr != digits.data() + digits.size()) {
    throw PostgresFailure(Effect::kDamaged, cat("a column '", PQfname(result_.get(), column),
                                                "' of nextid's tables holds '", digits,
                                                "', which nextid never writes"));
  }
  return number;
}

std::int64_t PostgresRows::changed() const noexcept {
  const std::string_view digits = PQcmdTuples(result_.get());
  std::int64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

PostgresFailure PostgresRows::failure() const {
  const char* sqlstate = PQresultErrorField(result_.get(), PG_DIAG_SQLSTATE);
  const char* message = PQresultErrorField(result_.get(), PG_DIAG_MESSAGE_PRIMARY);
  if (sqlstate == nullptr || message == nullptr) {
    return {Effect::kInDoubt, on_one_line(PQresultErrorMessage(result_.get()))};
  }
  return failure_of(sqlstate, message);
}

// --- Opening

PostgresConnection::PostgresConnection(PGconn* connection) : connection_(connection, &PQfinish) {
  PQsetNoticeReceiver(connection, &PostgresConnection::receive_notice, this);
}

std::unique_ptr<PostgresConnection> PostgresConnection::open(PostgresServers& servers,
                                                             Deadline deadline) {
  std::optional<PostgresFailure> first;
  for (std::size_t i = 0; i < servers.count(); ++i) {
    const auto now = base::monotonic_now();
    const auto share = (deadline - now) / static_cast<std::int64_t>(servers.count() - i);
    try {
      auto connection = open_one(servers.nth(i), now + share);
      servers.set_good(i);
      return connection;
    } catch (const PostgresFailure& failure) {
      if (!first) first = failure;
    }
  }
  throw *first;
}

std::unique_ptr<PostgresConnection> PostgresConnection::open_one(
    const PostgresServers::Parameters& server, Deadline deadline) {
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const auto& [keyword, value] : server) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  PGconn* raw = PQconnectStartParams(keywords.data(), values.data(), 0);
  if (raw == nullptr) throw PostgresFailure(Effect::kNotApplied, "no memory for a connection");
  std::unique_ptr<PostgresConnection> connection(new PostgresConnection(raw));
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  while (state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED &&
         PQstatus(raw) != CONNECTION_BAD) {
    const short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (!wait_for_socket(PQsocket(raw), events, deadline)) {
      throw PostgresFailure(
          Effect::kNotApplied,
          cat("can't connect to PostgreSQL: ", connection->server(), " did not answer in time"));
    }
    state = PQconnectPoll(raw);
  }
  if (PQstatus(raw) != CONNECTION_OK) throw failure_to_connect(PQerrorMessage(raw));
  if (PQsetnonblocking(raw, 1) != 0 || PQenterPipelineMode(raw) != 1) {
    throw failure_to_connect(PQerrorMessage(raw));
  }
  return connection;
}

void PostgresConnection::configure(Session session, bool is_pooled, Deadline deadline) {
  session_ = std::move(session);
  is_pooled_ = is_pooled;
  if (is_pooled) return;
  // Each is a transaction of its own by the protocol; the first Sync ends both.
  run({{&kSet,
        {session_.synchronous_commit, session_.statement_timeout, session_.lock_timeout, "false"}},
       {&kSetSession, {session_.statement_timeout}}},
      Part::kWhole, deadline);
}

// --- Running

std::vector<PostgresRows> PostgresConnection::run(const std::vector<PostgresQuery>& queries,
                                                  Part part, Deadline deadline) {
  failed_query_.reset();
  // Answers to what was asked before may still come, and would be taken for those of now.
  if (is_dead_) {
    throw PostgresFailure(Effect::kNotApplied, "the connection to PostgreSQL was lost before");
  }
  warning_.clear();
  sent_.clear();
  const bool begins = part == Part::kFirst || (part == Part::kWhole && is_pooled_);
  const bool ends = part == Part::kLast || (part == Part::kWhole && is_pooled_);
  if (begins) send_begin();
  for (std::size_t i = 0; i < queries.size(); ++i) send(queries[i], i);
  if (ends) send_frame({&kCommit}, Sent::Kind::kCommit);
  check_sent(PQpipelineSync(connection_.get()));
  std::vector<PostgresRows> rows;
  try {
    rows = receive(queries.size(), deadline);
  } catch (const PostgresFailure&) {
    // The end of a transaction is skipped behind an error, like all that was sent with it.
    const bool is_open = PQtransactionStatus(connection_.get()) != PQTRANS_IDLE;
    if (part == Part::kWhole && is_open) roll_back(deadline);
    throw;
  }
  // As when a wait for a synchronous standby was cancelled: committed here, and perhaps nowhere
  // else.
  if (!warning_.empty()) {
    throw PostgresFailure(Effect::kInDoubt,
                          cat("PostgreSQL warned about the commit: ", on_one_line(warning_)));
  }
  return rows;
}

void PostgresConnection::send_begin() {
  send_frame({&kBegin});
  if (!is_pooled_) return;
  send_frame(
      {&kSet,
       {session_.synchronous_commit, session_.statement_timeout, session_.lock_timeout, "true"}});
  if (!session_.mark.empty()) send_frame({&kMark, {session_.mark}});
}

void PostgresConnection::send_frame(const PostgresQuery& query, Sent::Kind kind) {
  send(query, 0);
  sent_.back().kind = kind;
}

void PostgresConnection::send(const PostgresQuery& query, std::size_t index) {
  const PostgresStatement& statement = *query.statement;
  std::vector<const char*> values;
  for (const auto& parameter : query.parameters) {
    values.push_back(parameter ? parameter->c_str() : nullptr);
  }
  const int count = static_cast<int>(values.size());
  PGconn* connection = connection_.get();
  if (is_pooled_ || statement.name.empty()) {
    check_sent(PQsendQueryParams(connection, statement.sql.c_str(), count, nullptr, values.data(),
                                 nullptr, nullptr, 0));
  } else {
    if (prepared_.insert(statement.name).second) {
      check_sent(
          PQsendPrepare(connection, statement.name.c_str(), statement.sql.c_str(), 0, nullptr));
      sent_.push_back({Sent::Kind::kPrepare, index, statement.name});
    }
    check_sent(PQsendQueryPrepared(connection, statement.name.c_str(), count, values.data(),
                                   nullptr, nullptr, 0));
  }
  sent_.push_back({Sent::Kind::kQuery, index, statement.name});
}

void PostgresConnection::check_sent(int is_sent) {
  if (is_sent != 1) lose(on_one_line(PQerrorMessage(connection_.get())));
}

std::vector<PostgresRows> PostgresConnection::receive(std::size_t queries, Deadline deadline) {
  std::vector<PostgresRows> rows(queries);
  std::optional<PostgresFailure> failure;
  for (const Sent& sent : sent_) {
    PGresult* result = next_result(deadline);
    // Each has one at least, and a null behind the last.
    if (result == nullptr) lose(kOutOfStep);
    for (; result != nullptr; result = next_result(deadline)) take(sent, result, rows, failure);
  }
  receive_end(deadline, failure);
  if (failure) throw *failure;
  return rows;
}

/// An error of the commit itself, and a null, may come before the end.
void PostgresConnection::receive_end(Deadline deadline, std::optional<PostgresFailure>& failure) {
  constexpr int kMostResults = 3;
  for (int i = 0; i < kMostResults; ++i) {
    PGresult* const raw = next_result(deadline);
    if (raw == nullptr) continue;
    const PostgresRows end(raw);
    if (end.status() == PGRES_PIPELINE_SYNC) return;
    if (end.status() == PGRES_FATAL_ERROR && !failure) failure = end.failure();
  }
  // libpq gives nulls without end once it has lost its place.
  lose(kOutOfStep);
}

void PostgresConnection::take(const Sent& sent, PGresult* raw, std::vector<PostgresRows>& rows,
                              std::optional<PostgresFailure>& failure) {
  PostgresRows result(raw);
  const ExecStatusType status = result.status();
  if (status == PGRES_PIPELINE_SYNC || status == PGRES_BAD_RESPONSE) lose(kOutOfStep);
  const auto is_query = [](Sent::Kind kind) {
    return kind == Sent::Kind::kQuery || kind == Sent::Kind::kPrepare;
  };
  if (status == PGRES_FATAL_ERROR) {
    if (PQstatus(connection_.get()) == CONNECTION_BAD) {
      lose(on_one_line(PQresultErrorMessage(raw)));
    }
    if (!failure) {
      failure = result.failure();
      if (is_query(sent.kind)) failed_query_ = sent.query;
    }
  }
  if (sent.kind == Sent::Kind::kPrepare && status != PGRES_COMMAND_OK) {
    prepared_.erase(std::string(sent.name));
  }
  // So the server answers the end of a transaction that had failed before.
  if (sent.kind == Sent::Kind::kCommit && result.tag() == "ROLLBACK" && !failure) {
    failure = PostgresFailure(Effect::kNotApplied, "PostgreSQL rolled the transaction back");
  }
  if (sent.kind == Sent::Kind::kQuery) rows[sent.query] = std::move(result);
}

/// Null ends the results of what was sent.
PGresult* PostgresConnection::next_result(Deadline deadline) {
  PGconn* connection = connection_.get();
  for (;;) {
    const int unsent = PQflush(connection);
    if (unsent < 0) lose(on_one_line(PQerrorMessage(connection)));
    if (PQisBusy(connection) == 0) return PQgetResult(connection);
    wait(static_cast<short>(unsent == 0 ? POLLIN : POLLIN | POLLOUT), deadline);
    if (PQconsumeInput(connection) == 0) lose(on_one_line(PQerrorMessage(connection)));
  }
}

void PostgresConnection::wait(short events, Deadline deadline) {
  if (wait_for_socket(PQsocket(connection_.get()), events, deadline)) return;
  lose("it did not answer in time");
}

void PostgresConnection::lose(const std::string& why) {
  is_dead_ = true;
  throw PostgresFailure(Effect::kInDoubt,
                        cat("the connection to PostgreSQL (", server(), ") was lost: ", why));
}

void PostgresConnection::roll_back(Deadline deadline) noexcept {
  if (is_dead_) return;
  try {
    sent_.clear();
    send_frame({&kRollback});
    check_sent(PQpipelineSync(connection_.get()));
    receive(0, deadline);
  } catch (const PostgresFailure&) {
    is_dead_ = true;
  }
}

bool PostgresConnection::is_alive() noexcept {
  PGconn* connection = connection_.get();
  while (!is_dead_ && wait_for_socket(PQsocket(connection), POLLIN, base::monotonic_now())) {
    // What comes while nothing was asked is a notice, or the end.
    is_dead_ = PQconsumeInput(connection) == 0 || PQstatus(connection) != CONNECTION_OK;
  }
  return !is_dead_;
}

std::string PostgresConnection::server() const {
  const char* host = PQhost(connection_.get());
  const char* port = PQport(connection_.get());
  return cat("host '", host == nullptr ? "" : host, "', port ", port == nullptr ? "" : port);
}

void PostgresConnection::receive_notice(void* self, const PGresult* notice) {
  // The untranslated severity: messages may be in any language.
  const char* severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
  if (severity == nullptr || std::string_view(severity) != "WARNING") return;
  const char* source = PQresultErrorField(notice, PG_DIAG_SOURCE_FUNCTION);
  if (source != nullptr && is_about_vacuum(source)) return;
  const char* message = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
  static_cast<PostgresConnection*>(self)->warning_ = message == nullptr ? "a warning" : message;
}

}  // namespace nextid::store
