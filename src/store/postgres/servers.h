// Which servers a PostgreSQL URL names, with all that libpq knows besides: PG* variables, service
// files, ~/.pgpass.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "nextid/error.h"

#include "store/postgres/url.h"

namespace nextid::store {

/// The servers that can be asked for a connection, in turn. Each lane has a copy of its own.
class PostgresServers {
 public:
  /// Keywords and values for PQconnectStartParams(), of one server.
  using Parameters = std::vector<std::pair<std::string, std::string>>;

  /// kInvalid where libpq does not take a parameter or a service file.
  static Result<PostgresServers> find(const PostgresSettings& settings);

  std::size_t count() const noexcept { return servers_.size(); }
  /// Counted from the one that was last good.
  const Parameters& nth(std::size_t n) const;
  /// The nth one has accepted a connection that takes writes.
  void set_good(std::size_t n);

 private:
  explicit PostgresServers(std::vector<Parameters> servers) : servers_(std::move(servers)) {}

  std::vector<Parameters> servers_;
  std::size_t good_ = 0;
};

}  // namespace nextid::store
