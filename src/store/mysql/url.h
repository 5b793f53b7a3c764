// The URL of a MySQL or MariaDB store: mysql://USER@HOST:PORT/DB?...
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "nextid/error.h"

namespace nextid::store {

/// What is empty or 0 is left to the option files (docs/mysql.md) and the client library.
struct MysqlSettings {
  std::string url;  ///< As given, without its password: for sentences.
  std::string user = {};
  std::string password = {};  ///< A secret.
  std::string host = {};
  std::uint16_t port = 0;
  std::string database = {};
  std::string socket = {};
  std::string tables = "nextid";  ///< What the names of the tables begin with.
  std::string option_file = {};   ///< Instead of the usual ones.
  std::string option_group = {};  ///< Of option files, besides [client] and [nextid].
  std::string ssl_ca = {};        ///< PEM file of the authorities to trust; empty for the system's.
  std::string ssl_cert = {};
  std::string ssl_key = {};
  std::optional<bool> ssl = {};  ///< Whether TLS is needed; see needs_tls().
  bool ssl_verify = true;        ///< With TLS: whether the server must prove its name.
  bool require_semi_sync = false;
  bool create = true;
  bool is_known = false;      ///< The store was there before: none is made.
  bool accept_copy = false;   ///< See OpenOptions.
  bool accept_as_is = false;  ///< The same.
  std::chrono::milliseconds attempt_timeout{2'000};
};

/// Whether the way to the server leaves this machine, as far as the settings tell.
bool is_remote(const MysqlSettings& settings);

/// Whether a connection without TLS is refused: unless `ssl` says so, where the way is remote or
/// TLS has been set up.
bool needs_tls(const MysqlSettings& settings);

/// How long a statement waits for a lock: less than an attempt takes, so that one that waits in
/// vain is known not to be applied. But the server counts in whole seconds.
std::chrono::seconds lock_wait_of(const MysqlSettings& settings);

using MysqlEnvironment = std::function<std::optional<std::string>(const char* name)>;
std::optional<std::string> mysql_process_environment(const char* name);

/// Parses what follows "mysql:", and takes from the environment what it leaves out: MYSQL_HOST,
/// MYSQL_TCP_PORT, MYSQL_UNIX_PORT and MYSQL_PWD. `create` holds where the URL does not say.
/// kInvalid names the part that is wrong and what it may be, and never the password.
Result<MysqlSettings> parse_mysql_url(
    const std::string& rest, bool create = true,
    const MysqlEnvironment& environment = &mysql_process_environment);

}  // namespace nextid::store
