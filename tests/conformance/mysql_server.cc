#include "conformance/mysql_server.h"

#include <algorithm>
#include <cctype>
#include <mysql.h>
#include <stdexcept>

#include "conformance/started_server.h"
#include "store/mysql/store.h"

namespace nextid::test {
namespace {

const std::string& server_url() {
  static const std::string url = start_database("mysql", "NEXTID_TEST_MYSQL_URL");
  return url;
}

std::string prefix_of(std::string tables) {
  std::replace_if(
      tables.begin(), tables.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return tables;
}

const char* or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

}  // namespace

MysqlOutsider::MysqlOutsider() : connection_(mysql_init(nullptr)) {
  auto* connection = static_cast<MYSQL*>(connection_);
  const auto place =
      store::parse_mysql_url(server_url().substr(server_url().find(':') + 1)).value();
  if (mysql_real_connect(connection, place.host.c_str(), place.user.c_str(),
                         or_null(place.password), place.database.c_str(), place.port, nullptr,
                         CLIENT_MULTI_STATEMENTS) != nullptr) {
    return;
  }
  const std::string why = mysql_error(connection);
  mysql_close(connection);
  throw std::runtime_error(why);
}

MysqlOutsider::~MysqlOutsider() { mysql_close(static_cast<MYSQL*>(connection_)); }

std::vector<std::string> MysqlOutsider::run(const std::string& sql) {
  auto* connection = static_cast<MYSQL*>(connection_);
  std::vector<std::string> column;
  int left = mysql_real_query(connection, sql.data(), sql.size());
  while (left == 0) {
    column.clear();
    if (MYSQL_RES* result = mysql_store_result(connection)) {
      while (MYSQL_ROW row = mysql_fetch_row(result)) {
        column.emplace_back(row[0] == nullptr ? "" : row[0]);
      }
      mysql_free_result(result);
    }
    left = mysql_next_result(connection);
  }
  if (mysql_errno(connection) != 0) throw std::runtime_error(sql + ": " + mysql_error(connection));
  return column;
}

const MysqlServer& MysqlServer::instance() {
  static const MysqlServer server;
  return server;
}

MysqlServer::MysqlServer() : url_(server_url()) {}

std::string MysqlServer::url(const std::string& tables) const {
  return url_ + (url_.find('?') == std::string::npos ? '?' : '&') + "tables=" + prefix_of(tables) +
         "&attempt_timeout=10s";
}

store::MysqlSettings MysqlServer::settings(const std::string& tables) const {
  return store::parse_mysql_url(url(tables).substr(url_.find(':') + 1)).value();
}

std::string MysqlServer::table(const std::string& tables, const std::string& name) {
  return "`" + prefix_of(tables) + "_" + name + "`";
}

std::shared_ptr<contract::StoreDriver> MysqlServer::open(
    const std::string& tables, std::function<base::WallMicros()> clock) const {
  return store::MysqlStore::open(settings(tables), {}, std::move(clock)).value();
}

std::vector<std::string> MysqlServer::run(const std::string& sql) const {
  return MysqlOutsider().run(sql);
}

bool MysqlServer::is_mariadb() const {
  return run("SELECT VERSION()").front().find("MariaDB") != std::string::npos;
}

void MysqlServer::drop(const std::string& tables) const {
  run("DROP TABLE IF EXISTS " + table(tables, "counters") + ", " + table(tables, "idempotency") +
      ", " + table(tables, "store"));
}

}  // namespace nextid::test
