// One connection to a MySQL or MariaDB server.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/mysql/errors.h"
#include "store/mysql/url.h"
#include "store/mysql/watchdog.h"

struct st_mysql;  // MYSQL of <mysql.h>.

namespace nextid::store {

using MysqlRow = std::vector<std::optional<std::string>>;

/// The answer to one statement.
struct MysqlAnswer {
  std::uint64_t matched = 0;  ///< Rows that an UPDATE found, or an INSERT or DELETE changed.
  std::int64_t insert_id = 0;
  std::vector<MysqlRow> rows = {};
};

/// `bytes` as a literal that needs no quoting, whatever they are.
std::string mysql_literal(std::string_view bytes);

/// Not thread-safe. Statements never depend on the server's defaults: the session has settings of
/// its own. It never reconnects by itself: what was sent is never sent again here.
class MysqlConnection {
 public:
  /// Connects. Blocks for the settings' attempt_timeout in each of several steps, and for what the
  /// system takes to find the host's address. Throws MysqlFailure, kNotSent; the settings and the
  /// watchdog must outlive the connection.
  MysqlConnection(const MysqlSettings& settings, Watchdog& watchdog);
  ~MysqlConnection();
  MysqlConnection(const MysqlConnection&) = delete;
  MysqlConnection& operator=(const MysqlConnection&) = delete;

  /// Runs statements, separated by "; ", in one round trip: an answer each. Throws MysqlFailure,
  /// where a statement failed or all together took longer than `limit`.
  std::vector<MysqlAnswer> run(const std::string& statements, std::chrono::milliseconds limit);
  std::vector<MysqlAnswer> run(const std::string& statements) {
    return run(statements, settings_.attempt_timeout);
  }

  /// False once it broke, or the server closed it while nothing was under way.
  bool is_usable() const;
  bool is_mariadb() const;
  /// The server's number of this session, if it was left in the middle of statements, which may
  /// wait on: for a lock, or for a replica.
  std::optional<std::uint64_t> abandoned_session() const;

 private:
  struct Close {
    void operator()(st_mysql* handle) const;
  };

  void set_options();
  void refuse_unsafe_way() const;
  void begin_session();
  void take_answers(const std::string& statements, std::vector<MysqlAnswer>& answers);
  MysqlFailure failure(bool was_cut, std::chrono::milliseconds limit, std::size_t statement);
  std::string sentence(unsigned code, const std::string& text) const;

  const MysqlSettings& settings_;
  Watchdog& watchdog_;
  std::unique_ptr<st_mysql, Close> handle_;
  std::string place_;  // "the MySQL server at HOST:PORT"
  bool is_broken_ = false;
  bool was_cut_ = false;
};

}  // namespace nextid::store
