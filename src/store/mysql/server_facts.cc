#include "store/mysql/server_facts.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/cat.h"
#include "base/quoting.h"

namespace nextid::store {
namespace {

using base::cat;

/// The value; "" where the server has no such variable.
std::string value_of(const MysqlVariables& variables, const std::string& name) {
  const auto it = variables.find(name);
  return it == variables.end() ? "" : it->second;
}

bool is_on(const MysqlVariables& variables, const std::string& name) {
  const std::string value = value_of(variables, name);
  return !value.empty() && value != "OFF" && value != "0";
}

/// MySQL 8.0.26 gave the plugin new names.
std::string semi_sync_value(const MysqlVariables& variables, const std::string& end) {
  const std::string value = value_of(variables, "rpl_semi_sync_master_" + end);
  return value.empty() ? value_of(variables, "rpl_semi_sync_source_" + end) : value;
}

bool flushes_each_commit(const MysqlVariables& variables) {
  // 3 is MariaDB's: it flushes twice.
  const std::string value = value_of(variables, "innodb_flush_log_at_trx_commit");
  return value == "1" || value == "3";
}

bool keeps_binlog(const MysqlVariables& variables) {
  return !is_on(variables, "log_bin") || value_of(variables, "sync_binlog") == "1";
}

bool is_read_only(const MysqlVariables& variables) {
  return is_on(variables, "read_only") || is_on(variables, "super_read_only") ||
         is_on(variables, "innodb_read_only");
}

HealthFact flush_fact(const MysqlVariables& variables) {
  const std::string value = value_of(variables, "innodb_flush_log_at_trx_commit");
  if (flushes_each_commit(variables)) {
    return {"commits", HealthVerdict::kOk,
            cat("innodb_flush_log_at_trx_commit is ", value,
                ": each commit is on disk before its "
                "ids leave.")};
  }
  return {"commits", HealthVerdict::kFail,
          cat("innodb_flush_log_at_trx_commit is ", value,
              ": a crash takes ids back that were "
              "given out; set it to 1.")};
}

HealthFact binlog_fact(const MysqlVariables& variables) {
  if (!is_on(variables, "log_bin")) {
    return {"binary log", HealthVerdict::kOk, "The server writes none, so has no replicas."};
  }
  if (keeps_binlog(variables)) {
    return {"binary log", HealthVerdict::kOk, "sync_binlog is 1: it keeps up with each commit."};
  }
  return {"binary log", HealthVerdict::kWarn,
          cat("sync_binlog is ", value_of(variables, "sync_binlog"),
              ": when the server's machine loses power, commits that are missing in the binary log "
              "are rolled back, and their ids given again; set it to 1.")};
}

HealthFact semi_sync_fact(const MysqlVariables& variables) {
  if (!has_semi_sync(variables)) {
    if (!is_on(variables, "log_bin")) {
      return {"failover", HealthVerdict::kOk, "The server has no replica that could take over."};
    }
    return {"failover", HealthVerdict::kWarn,
            "Replication is asynchronous: a replica that takes over may lack the last ids, which "
            "are then given again; turn on semi-synchronous replication, and add "
            "require_semi_sync=true to the URL."};
  }
  const std::string timeout = semi_sync_value(variables, "timeout");
  if (!semi_sync_of(variables).is_on) {
    return {"failover", HealthVerdict::kWarn,
            "No replica answers, so commits wait for none: one that takes over lacks the last ids; "
            "bring a replica back."};
  }
  return {"failover", HealthVerdict::kOk,
          cat("Each commit waits for a replica, ", timeout, " ms at most.")};
}

HealthFact rollback_fact(const MysqlVariables& variables) {
  return {"lock waits", HealthVerdict::kOk,
          cat("innodb_rollback_on_timeout is ",
              is_on(variables, "innodb_rollback_on_timeout") ? "ON" : "OFF",
              ", and does not matter: nextid rolls back itself.")};
}

}  // namespace

std::string mysql_variables_sql() {
  return cat(
      "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'hostname', 'port', 'server_id', "
      "'server_uuid', 'innodb_flush_log_at_trx_commit', 'log_bin', 'sync_binlog', 'wsrep_on', "
      "'innodb_rollback_on_timeout', 'read_only', 'super_read_only', 'innodb_read_only', "
      "'rpl_semi_sync_master_enabled', 'rpl_semi_sync_source_enabled', "
      "'rpl_semi_sync_master_timeout', 'rpl_semi_sync_source_timeout'); ",
      kSemiSyncSql, "; SELECT CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)");
}

std::optional<std::string> refusal_of(const MysqlVariables& variables, bool require_semi_sync) {
  if (is_on(variables, "wsrep_on")) {
    return "the server is part of a Galera cluster (wsrep_on is ON), which loses commits that it "
           "has acknowledged when nodes fail, so ids would be given twice; use a server with "
           "semi-synchronous replication instead";
  }
  if (is_read_only(variables)) {
    // Rights such as SUPER would write all the same, on a server that nobody follows.
    return "the server is read-only, as a replica is; let the URL name the primary";
  }
  if (!flushes_each_commit(variables)) {
    return cat("the server's innodb_flush_log_at_trx_commit is ",
               value_of(variables, "innodb_flush_log_at_trx_commit"),
               ", so a crash takes ids back that were given out; as an administrator run: SET "
               "GLOBAL innodb_flush_log_at_trx_commit = 1, and set it in the server's option file");
  }
  if (require_semi_sync && !has_semi_sync(variables)) {
    return "the URL has require_semi_sync=true, and the server has semi-synchronous replication "
           "turned off; as an administrator run: SET GLOBAL rpl_semi_sync_master_enabled = 1 (in "
           "MySQL 8: rpl_semi_sync_source_enabled)";
  }
  return std::nullopt;
}

std::vector<HealthFact> facts_of(const MysqlVariables& variables) {
  return {HealthFact{"server", HealthVerdict::kOk,
                     cat("It is ", base::printable(server_text(variables), 200), ", version ",
                         base::printable(value_of(variables, "version")), ".")},
          flush_fact(variables), binlog_fact(variables), semi_sync_fact(variables),
          rollback_fact(variables)};
}

bool has_semi_sync(const MysqlVariables& variables) {
  return is_on(variables, "rpl_semi_sync_master_enabled") ||
         is_on(variables, "rpl_semi_sync_source_enabled");
}

std::string server_text(const MysqlVariables& variables) {
  std::string text = cat(value_of(variables, "hostname"), ", port ", value_of(variables, "port"),
                         ", server_id ", value_of(variables, "server_id"));
  if (const auto uuid = value_of(variables, "server_uuid"); !uuid.empty()) {
    text += ", server_uuid " + uuid;
  }
  return text;
}

SemiSyncStatus semi_sync_of(const MysqlVariables& status) {
  return {semi_sync_value(status, "status") == "ON", semi_sync_value(status, "no_tx")};
}

}  // namespace nextid::store
