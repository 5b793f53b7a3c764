// The options of `nextid serve`: one table, from which come the flags and their help, the
// environment variables, the keys of the configuration file, and the manual pages
// (option_pages.h).
//
// A new option is a field of Config and a row in options.cc.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nextid/error.h"
#include "nextid/store.h"

#include "http/codec/request_parser.h"
#include "net/address.h"
#include "net/client_settings.h"
#include "net/tls.h"
#include "server/logging.h"

namespace nextid::server {

/// What a server runs with. Every bound that it hands on keeps its own type's default.
struct Config {
  std::string store = "sqlite:ids.db";
  net::HostPort http{.host = "127.0.0.1", .port = 8000};
  std::optional<net::HostPort> resp = net::HostPort{.host = "127.0.0.1", .port = 6380};
  /// Of RESP connections; nothing for no limit, as Redis has it.
  std::optional<std::chrono::milliseconds> resp_idle_timeout;
  std::size_t threads = 1;
  StoreOptions store_options;
  net::ClientSettings clients;
  /// Memory of all connections together (net::ClientMemory), where it is said.
  std::optional<std::size_t> max_client_bytes;
  http::Limits http_limits;
  /// Between the signal and the stop; nothing for none.
  std::optional<std::chrono::milliseconds> drain_delay;
  std::chrono::milliseconds shutdown_timeout = std::chrono::seconds(8);
  /// The token file; "": everyone may do everything.
  std::string tokens;
  bool shared_keys = false;
  /// A file, "journal" for standard error, or "": none.
  std::string audit_log;
  /// Ranges of so many ids are in it, and larger ones.
  std::uint64_t audit_range = 1000;
  /// No certificate: plain.
  net::TlsFiles tls;
  bool insecure = false;
  std::vector<std::string> allowed_hosts;
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;

  /// max_client_bytes, or else 512 MiB, but 48 KiB at least for each of max_connections.
  std::size_t client_bytes() const noexcept;
};

struct Option {
  std::string_view name;        ///< The flag is --name, the key in the file name.
  std::string_view value_name;  ///< "URL", "TIME", ...; "" for a flag that means "true" by itself.
  std::string_view default_text;
  std::string_view help;  ///< Sentences, without the default.
  /// Takes a value. A failure's sentence continues "... is 'TEXT': ", and is of kInvalid.
  Result<void> (*apply)(Config& config, std::string_view text);
  /// What else `help` says, before the rest, where another room has the words.
  std::string (*help_before)() = nullptr;
  /// Words that are values, for completion, with blanks between them.
  std::string_view words = {};

  bool is_switch() const noexcept { return value_name.empty(); }
  /// NEXTID_NAME
  std::string environment_name() const;
  std::string full_help() const;
};

std::span<const Option> options();

inline constexpr std::string_view kEnvironmentPrefix = "NEXTID_";
inline constexpr std::string_view kConfigEnvironmentName = "NEXTID_CONFIG";
/// NEXTID_NO_CREATE_STORE of "no-create-store".
std::string environment_name_of(std::string_view option);

/// Variables by name.
using Environment = std::map<std::string, std::string>;

/// Where values come from, strongest first: flags, environment, file.
struct ConfigSources {
  std::map<std::string, std::string> flags = {};  ///< By Option::name; only those that were given.
  /// Those of kEnvironmentPrefix. A variable that is set but empty counts as not set, except the
  /// store's, which is refused: an empty text hardly means the default store.
  Environment environment = {};
  std::optional<std::string> file = {};  ///< See config_line.h; NEXTID_CONFIG where there is none.
};

/// Every error is kInvalid and names the source, the value, and what is right instead. A variable
/// that looks like an option and is none is refused, and so is a character that nobody sees
/// (base/stray_text.h) in any value.
Result<Config> load_config(const ConfigSources& sources);

}  // namespace nextid::server
