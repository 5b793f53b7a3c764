#include "conformance/postgres_server.h"

#include <libpq-fe.h>
#include <stdexcept>

#include "conformance/started_server.h"
#include "store/postgres/store.h"
#include "store/postgres/tables.h"

namespace nextid::test {
namespace {

const std::string& server_url() {
  static const std::string url = start_database("postgres", "NEXTID_TEST_POSTGRES_URL");
  return url;
}

}  // namespace

PostgresOutsider::PostgresOutsider() : connection_(PQconnectdb(server_url().c_str())) {
  auto* connection = static_cast<PGconn*>(connection_);
  if (PQstatus(connection) == CONNECTION_OK) return;
  const std::string why = PQerrorMessage(connection);
  PQfinish(connection);
  throw std::runtime_error(why);
}

PostgresOutsider::~PostgresOutsider() { PQfinish(static_cast<PGconn*>(connection_)); }

std::vector<std::string> PostgresOutsider::run(const std::string& sql) {
  const std::unique_ptr<PGresult, void (*)(PGresult*)> result(
      PQexec(static_cast<PGconn*>(connection_), sql.c_str()), &PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
    throw std::runtime_error(sql + ": " + PQresultErrorMessage(result.get()));
  }
  std::vector<std::string> column;
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    column.emplace_back(PQgetvalue(result.get(), row, 0));
  }
  return column;
}

const PostgresServer& PostgresServer::instance() {
  static const PostgresServer server;
  return server;
}

PostgresServer::PostgresServer() : url_(server_url()) {}

std::string PostgresServer::url(const std::string& schema) const {
  return url_ + (url_.find('?') == std::string::npos ? '?' : '&') + "schema=" + schema +
         "&attempt_timeout=10s&application_name=" + schema;
}

store::PostgresSettings PostgresServer::settings(const std::string& schema) const {
  return store::parse_postgres_url(url(schema).substr(url_.find(':') + 1)).value();
}

std::shared_ptr<contract::StoreDriver> PostgresServer::open(
    const std::string& schema, std::function<base::WallMicros()> clock) const {
  run("CREATE SCHEMA IF NOT EXISTS " + store::quoted_name(schema));
  return store::PostgresStore::open(settings(schema), {}, std::move(clock)).value();
}

std::vector<std::string> PostgresServer::run(const std::string& sql) const {
  return PostgresOutsider().run(sql);
}

void PostgresServer::drop(const std::string& schema) const {
  run("SET client_min_messages = warning; DROP SCHEMA IF EXISTS " + store::quoted_name(schema) +
      " CASCADE");
}

}  // namespace nextid::test
