// The MySQL or MariaDB that tests talk to: one of this process's own, or the one that
// NEXTID_TEST_MYSQL_URL names.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "contract/store_driver.h"
#include "store/mysql/url.h"

namespace nextid::test {

class MysqlServer {
 public:
  /// The server of this process, started on first use. Throws std::runtime_error when it can't be.
  static const MysqlServer& instance();

  /// Of a store in tables of its own; so are all settings of `tables`, whatever letters it has.
  std::string url(const std::string& tables) const;
  store::MysqlSettings settings(const std::string& tables) const;
  /// The quoted name of a table of that store: "counters", "idempotency" or "store".
  static std::string table(const std::string& tables, const std::string& name);

  /// Opens a store, whose tables are made when they are missing.
  std::shared_ptr<contract::StoreDriver> open(
      const std::string& tables,
      std::function<base::WallMicros()> clock = &base::wall_now_us) const;

  /// Runs statements, and returns the first column of the last one's rows. Throws
  /// std::runtime_error.
  std::vector<std::string> run(const std::string& sql) const;
  bool is_mariadb() const;

  /// Removes the tables.
  void drop(const std::string& tables) const;

 private:
  MysqlServer();

  std::string url_;
};

/// A session of another program's. Throws std::runtime_error.
class MysqlOutsider {
 public:
  MysqlOutsider();
  ~MysqlOutsider();
  MysqlOutsider(const MysqlOutsider&) = delete;
  MysqlOutsider& operator=(const MysqlOutsider&) = delete;

  std::vector<std::string> run(const std::string& sql);

 private:
  void* connection_;
};

}  // namespace nextid::test
