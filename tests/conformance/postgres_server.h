// The PostgreSQL that tests talk to: one of this process's own, or the one that
// NEXTID_TEST_POSTGRES_URL names.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "contract/store_driver.h"
#include "store/postgres/url.h"

namespace nextid::test {

class PostgresServer {
 public:
  /// The server of this process, started on first use. Throws std::runtime_error when it can't be.
  static const PostgresServer& instance();

  /// Of a store in `schema`.
  std::string url(const std::string& schema) const;
  store::PostgresSettings settings(const std::string& schema) const;

  /// Opens a store in `schema`, which is made when it is missing.
  std::shared_ptr<contract::StoreDriver> open(
      const std::string& schema,
      std::function<base::WallMicros()> clock = &base::wall_now_us) const;

  /// Runs statements, and returns the first column of the last one's rows. Throws
  /// std::runtime_error.
  std::vector<std::string> run(const std::string& sql) const;

  /// Removes the schema and all that is in it.
  void drop(const std::string& schema) const;

 private:
  PostgresServer();

  std::string url_;
};

/// A session of another program's. Throws std::runtime_error.
class PostgresOutsider {
 public:
  PostgresOutsider();
  ~PostgresOutsider();
  PostgresOutsider(const PostgresOutsider&) = delete;
  PostgresOutsider& operator=(const PostgresOutsider&) = delete;

  std::vector<std::string> run(const std::string& sql);

 private:
  void* connection_;
};

}  // namespace nextid::test
