#include "store/mysql/errors.h"

#include <algorithm>
#include <array>

namespace nextid::store {
namespace {

using Kind = MysqlErrorKind;

constexpr const char* kPrimary = "let the URL name the primary, or end its read-only mode";
constexpr const char* kGrant =
    "as an administrator run: GRANT SELECT, INSERT, UPDATE, DELETE, CREATE ON `%DB%`.* TO %USER%";
constexpr const char* kConnections =
    "raise max_connections or the user's limit, or close connections: each nextid takes five";

// Numbers below 2000 mean the same in MySQL and MariaDB. A connection's own errors (2000 to 2999,
// 5000 to 5999) are in doubt where a statement was under way, whatever their number.
constexpr std::array kRows{
    MysqlErrorRow{1020, "ER_CHECKREAD", Kind::kRolledBack},
    MysqlErrorRow{1021, "ER_DISK_FULL", Kind::kInDoubt, "free space on the server's disk"},
    MysqlErrorRow{1026, "ER_ERROR_ON_WRITE", Kind::kInDoubt, "look at the server's disk"},
    MysqlErrorRow{1036, "ER_OPEN_AS_READONLY", Kind::kNotApplied, kPrimary},
    MysqlErrorRow{1040, "ER_CON_COUNT_ERROR", Kind::kThrottled, kConnections},
    MysqlErrorRow{1044, "ER_DBACCESS_DENIED_ERROR", Kind::kNotApplied, kGrant},
    MysqlErrorRow{1045, "ER_ACCESS_DENIED_ERROR", Kind::kNotApplied,
                  "check the user in the URL, and the password in MYSQL_PWD or an option file"},
    MysqlErrorRow{1046, "ER_NO_DB_ERROR", Kind::kNotApplied,
                  "name the database in the URL: mysql://USER@HOST:PORT/DB"},
    MysqlErrorRow{1049, "ER_BAD_DB_ERROR", Kind::kGone,
                  "as an administrator run: CREATE DATABASE `%DB%`; or name another in the URL"},
    MysqlErrorRow{1053, "ER_SERVER_SHUTDOWN", Kind::kInDoubt},
    MysqlErrorRow{1054, "ER_BAD_FIELD_ERROR", Kind::kNotApplied,
                  "somebody changed the store's tables; put them back as docs/mysql.md has them"},
    MysqlErrorRow{1062, "ER_DUP_ENTRY", Kind::kRolledBack},
    MysqlErrorRow{1114, "ER_RECORD_FILE_FULL", Kind::kNotApplied,
                  "free space on the server's disk, or raise the limit of its tablespace"},
    MysqlErrorRow{1129, "ER_HOST_IS_BLOCKED", Kind::kNotApplied,
                  "as an administrator run: FLUSH HOSTS"},
    MysqlErrorRow{1130, "ER_HOST_NOT_PRIVILEGED", Kind::kNotApplied,
                  "make a user that may connect from this machine's address"},
    MysqlErrorRow{1142, "ER_TABLEACCESS_DENIED_ERROR", Kind::kNotApplied, kGrant},
    MysqlErrorRow{1143, "ER_COLUMNACCESS_DENIED_ERROR", Kind::kNotApplied, kGrant},
    MysqlErrorRow{1146, "ER_NO_SUCH_TABLE", Kind::kGone},
    MysqlErrorRow{1153, "ER_NET_PACKET_TOO_LARGE", Kind::kNotApplied,
                  "raise max_allowed_packet to 1M at least"},
    MysqlErrorRow{1180, "ER_ERROR_DURING_COMMIT", Kind::kInDoubt},
    MysqlErrorRow{1203, "ER_TOO_MANY_USER_CONNECTIONS", Kind::kThrottled, kConnections},
    MysqlErrorRow{1205, "ER_LOCK_WAIT_TIMEOUT", Kind::kLockWait,
                  "another transaction holds the row: SHOW PROCESSLIST shows whose"},
    MysqlErrorRow{1206, "ER_LOCK_TABLE_FULL", Kind::kThrottled, "raise innodb_buffer_pool_size"},
    MysqlErrorRow{1213, "ER_LOCK_DEADLOCK", Kind::kRolledBack},
    MysqlErrorRow{1226, "ER_USER_LIMIT_REACHED", Kind::kThrottled, kConnections},
    MysqlErrorRow{1227, "ER_SPECIFIC_ACCESS_DENIED_ERROR", Kind::kNotApplied, kGrant},
    MysqlErrorRow{1290, "ER_OPTION_PREVENTS_STATEMENT", Kind::kNotApplied, kPrimary},
    MysqlErrorRow{1317, "ER_QUERY_INTERRUPTED", Kind::kInDoubt},
    MysqlErrorRow{1598, "ER_BINLOG_LOGGING_IMPOSSIBLE", Kind::kInDoubt,
                  "look at the disk of the server's binary log"},
    MysqlErrorRow{1637, "ER_TOO_MANY_CONCURRENT_TRXS", Kind::kThrottled},
    MysqlErrorRow{1665, "ER_BINLOG_STMT_MODE_AND_ROW_ENGINE", Kind::kNotApplied,
                  "set binlog_format to MIXED or ROW"},
    MysqlErrorRow{1690, "ER_DATA_OUT_OF_RANGE", Kind::kNotApplied},
    MysqlErrorRow{1792, "ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION", Kind::kNotApplied, kPrimary},
    MysqlErrorRow{1820, "ER_MUST_CHANGE_PASSWORD", Kind::kNotApplied,
                  "the password has expired: set a new one"},
    MysqlErrorRow{1836, "ER_READ_ONLY_MODE", Kind::kNotApplied, kPrimary},
    MysqlErrorRow{1862, "ER_MUST_CHANGE_PASSWORD_LOGIN", Kind::kNotApplied,
                  "the password has expired: set a new one"},
    MysqlErrorRow{1874, "ER_INNODB_READ_ONLY", Kind::kNotApplied, kPrimary},
    MysqlErrorRow{1927, "ER_CONNECTION_KILLED", Kind::kInDoubt},
    MysqlErrorRow{1969, "ER_STATEMENT_TIMEOUT", Kind::kInDoubt},
    MysqlErrorRow{2002, "CR_CONNECTION_ERROR", Kind::kInDoubt,
                  "check host, port or socket, and that the server runs"},
    MysqlErrorRow{2003, "CR_CONN_HOST_ERROR", Kind::kInDoubt,
                  "check host, port or socket, and that the server runs"},
    MysqlErrorRow{2005, "CR_UNKNOWN_HOST", Kind::kInDoubt, "check the host in the URL"},
    MysqlErrorRow{2006, "CR_SERVER_GONE_ERROR", Kind::kInDoubt},
    MysqlErrorRow{2013, "CR_SERVER_LOST", Kind::kInDoubt},
    MysqlErrorRow{2026, "CR_SSL_CONNECTION_ERROR", Kind::kInDoubt,
                  "check ssl_ca, ssl_cert and ssl_key in the URL, and the names in the server's "
                  "certificate; ssl_verify=false takes any certificate, ssl=false goes without "
                  "TLS"},
    MysqlErrorRow{2059, "CR_AUTH_PLUGIN_CANNOT_LOAD", Kind::kInDoubt,
                  "install libmariadb's plugin of that name, or make the user with another"},
    MysqlErrorRow{3159, "ER_SECURE_TRANSPORT_REQUIRED", Kind::kNotApplied,
                  "the server wants TLS: add ssl=true to the URL"},
    MysqlErrorRow{4031, "ER_CLIENT_INTERACTION_TIMEOUT", Kind::kInDoubt},
    MysqlErrorRow{4151, "ER_ACCOUNT_HAS_BEEN_LOCKED", Kind::kNotApplied,
                  "as an administrator run: ALTER USER %USER% ACCOUNT UNLOCK"},
};

constexpr MysqlErrorRow kUnknown{};

static_assert(std::is_sorted(kRows.begin(), kRows.end(), [](const auto& one, const auto& other) {
  return one.code < other.code;
}));

}  // namespace

std::span<const MysqlErrorRow> mysql_error_rows() { return kRows; }

const MysqlErrorRow& mysql_error_row(unsigned code) {
  const auto row =
      std::find_if(kRows.begin(), kRows.end(), [&](const auto& each) { return each.code == code; });
  return row == kRows.end() ? kUnknown : *row;
}

}  // namespace nextid::store
