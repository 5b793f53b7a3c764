// What a MySQL or MariaDB server says of itself that decides whether acknowledged writes last.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nextid/statistics.h"

namespace nextid::store {

/// Variables and status by name, both in small letters.
using MysqlVariables = std::map<std::string, std::string>;

/// The statements that read them, whose rows are name and value; and the last, which reads the time
/// in microseconds since 1970.
std::string mysql_variables_sql();

/// Why the store must not be used on this server: a sentence without a full stop. Refused is what
/// loses acknowledged ids without anybody's mistake: a Galera cluster, a server that does not flush
/// each commit, one without the semi-synchronous replication that the URL demands; and a replica.
std::optional<std::string> refusal_of(const MysqlVariables& variables, bool require_semi_sync);

/// For people: `nextid doctor` prints them.
std::vector<HealthFact> facts_of(const MysqlVariables& variables);

/// Whether a commit waits for a replica, as far as the server is set up for it.
bool has_semi_sync(const MysqlVariables& variables);

/// What tells this server apart: for remarks.
std::string server_text(const MysqlVariables& variables);

/// What semi-synchronous replication says after a commit.
struct SemiSyncStatus {
  bool is_on = false;               ///< Off while the server has given up waiting for replicas.
  std::string unacknowledged = {};  ///< Counts the commits that no replica acknowledged.

  friend bool operator==(const SemiSyncStatus&, const SemiSyncStatus&) = default;
};

/// The statement that reads it, and what its rows mean.
inline constexpr const char* kSemiSyncSql =
    "SHOW GLOBAL STATUS WHERE Variable_name IN ('Rpl_semi_sync_master_status', "
    "'Rpl_semi_sync_master_no_tx', 'Rpl_semi_sync_source_status', 'Rpl_semi_sync_source_no_tx')";
SemiSyncStatus semi_sync_of(const MysqlVariables& status);

}  // namespace nextid::store
