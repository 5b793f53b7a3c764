#include "server/options.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <utility>

#include "base/ascii.h"
#include "base/cat.h"
#include "base/stray_text.h"
#include "base/whole_number.h"
#include "server/config_file.h"
#include "server/environment.h"
#include "server/meant_option.h"
#include "store/factory.h"

namespace nextid::server {
namespace {

using base::cat;
using std::chrono::milliseconds;

Error invalid(const std::string& sentence) { return Error(ErrorCode::kInvalid, sentence); }

// --- Values

template <typename T>
Result<void> set_number(T& field, std::string_view text, std::uint64_t min, std::uint64_t max) {
  const auto number = base::whole_number(text, min, max);
  if (!number) {
    return invalid(cat("it must be a whole number from ", min, " to ", max));
  }
  field = static_cast<T>(*number);
  return {};
}

struct TimeUnit {
  std::string_view suffix;
  std::uint64_t ms;
};
// "ms" before "s", which it ends in.
constexpr std::array kTimeUnits{TimeUnit{"ms", 1},         TimeUnit{"s", 1000},
                                TimeUnit{"m", 60'000},     TimeUnit{"h", 3'600'000},
                                TimeUnit{"d", 86'400'000}, TimeUnit{"", 1000}};
constexpr std::uint64_t kMaxTimeMs = 24 * 3'600'000;

std::optional<milliseconds> parse_time(std::string_view text, std::uint64_t max_ms) {
  for (const auto& unit : kTimeUnits) {
    if (!text.ends_with(unit.suffix)) continue;
    const auto number =
        base::whole_number(text.substr(0, text.size() - unit.suffix.size()), 1, max_ms / unit.ms);
    if (!number) return std::nullopt;
    return milliseconds(static_cast<milliseconds::rep>(*number * unit.ms));
  }
  return std::nullopt;
}

Result<void> set_time(milliseconds& field, std::string_view text) {
  const auto time = parse_time(text, kMaxTimeMs);
  if (!time) {
    return invalid("it must be a time such as 500ms, 5s, 2m, 1h or 5, which is 5s, up to 24h");
  }
  field = *time;
  return {};
}

constexpr std::uint64_t kMaxRetentionMs = 30 * std::uint64_t{86'400'000};

Result<void> set_retention(std::chrono::seconds& field, std::string_view text) {
  const auto time = parse_time(text, kMaxRetentionMs);
  if (!time || *time % std::chrono::seconds(1) != milliseconds(0)) {
    return invalid("it must be a time of whole seconds such as 90s, 1h or 7d, from 1s to 30d");
  }
  field = std::chrono::duration_cast<std::chrono::seconds>(*time);
  return {};
}

/// "off" for no limit.
Result<void> set_limit(std::optional<milliseconds>& field, std::string_view text) {
  field.reset();
  if (text == "off") return {};
  milliseconds time{};
  const auto set = set_time(time, text);
  if (!set) return invalid(std::string(set.error().what()) + ", or off");
  field = time;
  return {};
}

Result<void> set_switch(bool& field, std::string_view text) {
  if (text != "true" && text != "false") return invalid("it must be true or false");
  field = text == "true";
  return {};
}

/// For a switch whose name says "no".
Result<void> set_opposite(bool& field, std::string_view text) {
  bool no = !field;
  const auto set = set_switch(no, text);
  field = !no;
  return set;
}

constexpr std::string_view kNone = "none";

/// "none" for none; a file of that name is ./none.
Result<void> set_path(std::string& field, std::string_view text) {
  if (text.empty()) return invalid("it must be a path, or none");
  field = text == kNone ? "" : text;
  return {};
}

// Of the names that people may give this server, without ports.
Result<void> set_hosts(std::vector<std::string>& field, std::string_view text) {
  field.clear();
  if (text == kNone) return {};
  for (;;) {
    const auto comma = text.find(',');
    const auto host = text.substr(0, comma);
    const bool has_port = std::count(host.begin(), host.end(), ':') == 1;  // IPv6 has more.
    const auto name = host.starts_with("*.") ? host.substr(2) : host;
    if (name.empty() || has_port || name.find_first_of(" /*") != std::string_view::npos) {
      return invalid(
          "it must be none, or host names without ports, with commas between them, such as "
          "ids.example.com or *.example.com");
    }
    field.emplace_back(host);
    if (comma == std::string_view::npos) return {};
    text.remove_prefix(comma + 1);
  }
}

constexpr std::uint64_t kNoMax = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kMaxThreads = 256;
constexpr std::size_t kUsualClientBytes = 512 * 1024 * 1024;
// For each connection that there may be. One over TLS that does nothing takes half of the least.
constexpr std::size_t kUsualShareBytes = 48 * 1024;
constexpr std::size_t kLeastShareBytes = 32 * 1024;
constexpr std::uint64_t kMaxHttpBytes = 1024 * 1024;
constexpr std::uint64_t kMinHeadBytes = 256;

/// The field of `object` to which the members lead, one after the other.
template <auto kMember, auto... kMembers>
auto& field(auto& object) {
  if constexpr (sizeof...(kMembers) == 0) {
    return object.*kMember;
  } else {
    return field<kMembers...>(object.*kMember);
  }
}

/// An option's apply() that sets a field by one of the functions above.
template <auto kSet, auto... kMembers>
Result<void> with(Config& config, std::string_view text) {
  return kSet(field<kMembers...>(config), text);
}

template <std::uint64_t kMin, std::uint64_t kMax, auto... kMembers>
Result<void> number(Config& config, std::string_view text) {
  return set_number(field<kMembers...>(config), text, kMin, kMax);
}

// --- The table

constexpr std::string_view kStoreOption = "store";
/// Of values that a file may give as a list of texts.
constexpr std::string_view kList = "LIST";

constexpr std::array kOptions{
    Option{kStoreOption, "URL", "sqlite:ids.db",
           "Made when missing, unless no-create-store, or ?create=false behind it, says "
           "otherwise. A password is better kept out of it (docs/security.md).",
           [](Config& config, std::string_view text) -> Result<void> {
             if (text.empty()) return invalid("it must be a URL such as sqlite:ids.db");
             config.store = text;
             return {};
           },
           [] { return "The store: " + store::url_forms() + ". "; }},
    Option{"no-create-store", "", "false",
           "Do not make the store when it is missing: a path that is wrong, or a disk that is not "
           "mounted, is an error then, and no new store whose ids begin at 1. A URL with create= "
           "says it for itself.",
           with<set_opposite, &Config::store_options, &StoreOptions::create_store>},
    Option{"accept-copy", "", "false",
           "Take a store that is a copy for the one that it is a copy of: an SQLite file that was "
           "copied, or moved to another file system; tables in another PostgreSQL cluster, or out "
           "of a dump of MariaDB's; keys in another cluster of etcd. Only after a move, when "
           "nothing has used the original since (docs/sqlite.md).",
           with<set_switch, &Config::store_options, &StoreOptions::accept_copy>},
    Option{"state-dir", "DIR", "none",
           "A directory, best on another disk than the store's, in which this node remembers which "
           "store it used and how far its counters were, to notice a store that was set back.",
           with<set_path, &Config::store_options, &StoreOptions::state_dir>},
    Option{"http", "HOST:PORT", "127.0.0.1:8000",
           "Address of HTTP, on all addresses of a name; with port 0 the system chooses, and the "
           "log tells which.",
           [](Config& config, std::string_view text) -> Result<void> {
             auto address = net::parse_host_port(text);
             if (!address) return address.error();
             config.http = *std::move(address);
             return {};
           }},
    Option{"resp", "HOST:PORT", "127.0.0.1:6380",
           "Address of the Redis protocol, like --http; off disables it.",
           [](Config& config, std::string_view text) -> Result<void> {
             config.resp.reset();
             if (text == "off") return {};
             auto address = net::parse_host_port(text);
             if (!address) return invalid(cat(address.error().what(), ", or off"));
             config.resp = *std::move(address);
             return {};
           },
           nullptr, "off"},
    Option{"tokens", "FILE", "none",
           "Who may do what: a file of tokens, as `nextid token` makes them (docs/security.md). "
           "Read again on SIGHUP.",
           with<set_path, &Config::tokens>},
    Option{
        "audit-log", "FILE", "none",
        "Write down who defined and advanced counters, took large ranges and was refused, one line "
        "of JSON each (docs/security.md): to this file, which is opened again on SIGHUP, or with "
        "`journal` to standard error.",
        with<set_path, &Config::audit_log>, nullptr, "journal"},
    Option{"audit-range", "N", "1000", "Ranges of this many ids or more are in the audit log.",
           number<1, kMaxId, &Config::audit_range>},
    Option{"tls-cert", "FILE", "none",
           "Serve over TLS with this PEM file: the certificate, followed by its chain. Read again "
           "on SIGHUP.",
           with<set_path, &Config::tls, &net::TlsFiles::certificate>},
    Option{"tls-key", "FILE", "none", "The certificate's key, in PEM without a passphrase.",
           with<set_path, &Config::tls, &net::TlsFiles::key>},
    Option{"tls-client-ca", "FILE", "none",
           "Clients need a certificate that one of these authorities signed.",
           with<set_path, &Config::tls, &net::TlsFiles::client_ca>},
    Option{"allow-host", kList, "none",
           "Extra host names, comma-separated, that are accepted in Host and Origin; "
           "*.example.com for all names below that one.",
           with<set_hosts, &Config::allowed_hosts>},
    Option{
        "insecure", "", "false",
        "Listen beyond loopback, and serve proxies, without tokens: everyone who reaches it may do "
        "everything.",
        with<set_switch, &Config::insecure>},
    Option{"threads", "N", "1", "Threads that serve clients.",
           number<1, kMaxThreads, &Config::threads>},
    Option{"request-timeout", "TIME", "5s",
           "How long a request for ids may wait for the store before it is answered 504.",
           with<set_time, &Config::store_options, &StoreOptions::request_timeout>},
    Option{"max-range", "N", "1000000", "Most ids that one request may ask for.",
           number<1, kMaxId, &Config::store_options, &StoreOptions::max_range>},
    Option{"max-reservation", "N", "10000000",
           "Most ids that one store call reserves for waiting requests; at least max-range.",
           number<1, kMaxId, &Config::store_options, &StoreOptions::max_reservation>},
    Option{"max-waiting-requests", "N", "100000",
           "Requests of one counter that may wait, in parts for the tokens; further ones are "
           "answered 503.",
           number<1, kNoMax, &Config::store_options, &StoreOptions::max_waiting_requests>},
    Option{"max-waiting-ids", "N", "1000000000",
           "Ids that the waiting requests of one counter may ask for together; at least max-range.",
           number<1, kNoMax, &Config::store_options, &StoreOptions::max_waiting_ids>},
    Option{"max-counters", "N", "100000",
           "Counters that may be in use at a time, in parts for the tokens; requests for further "
           "ones are answered 503.",
           number<1, kNoMax, &Config::store_options, &StoreOptions::max_counters>},
    Option{"idle-counter-timeout", "TIME", "5m",
           "Idle time after which a counter is released from memory.",
           with<set_time, &Config::store_options, &StoreOptions::idle_counter_timeout>},
    Option{"default-cache", "N", "1",
           "Cache of the counters created on first use, written into their definition: 1 is "
           "strict, more is faster and gives up order between nodes.",
           number<1, kMaxId, &Config::store_options, &StoreOptions::default_cache>},
    Option{"no-auto-create", "", "false",
           "Do not make counters on first use: ids of one that nobody defined are answered 404.",
           with<set_opposite, &Config::store_options, &StoreOptions::auto_create>},
    Option{"idempotency-retention", "TIME", "24h",
           "How long an idempotency key stands for its ids, up to 30d.",
           with<set_retention, &Config::store_options, &StoreOptions::idempotency_retention>},
    Option{"shared-keys", "", "false",
           "Equal idempotency keys of all tokens are one key; else each token has keys of its own.",
           with<set_switch, &Config::shared_keys>},
    Option{"max-connections", "N", "10000",
           "Clients that may be connected; further ones are answered 503 and closed. With tokens, "
           "those that have not signed in have half of it at most.",
           number<1, 1'000'000, &Config::clients, &net::ClientSettings::max_connections>},
    Option{"max-client-bytes", "BYTES", "auto",
           "Memory that all clients' connections may hold together: requests that arrive, answers "
           "that wait or are not read. While they hold more, those with more than their share are "
           "answered 503 and then closed (docs/operations.md). auto is 512 MiB, or 48 KiB for each "
           "of max-connections where that is more.",
           [](Config& config, std::string_view text) -> Result<void> {
             config.max_client_bytes.reset();
             if (text == "auto") return {};
             std::size_t bytes = 0;
             const auto set = set_number(bytes, text, 1, kNoMax);
             if (!set) return invalid(cat(set.error().what(), ", or auto"));
             config.max_client_bytes = bytes;
             return {};
           },
           nullptr, "auto"},
    Option{
        "header-timeout", "TIME", "10s",
        "How long a request may take to arrive, from its first byte to its last; with tokens, also "
        "how long a client of the Redis protocol may take to sign in.",
        with<set_time, &Config::clients, &net::ClientSettings::header_timeout>},
    Option{"idle-timeout", "TIME", "75s", "How long a client may stay connected without a request.",
           with<set_time, &Config::clients, &net::ClientSettings::idle_timeout>},
    Option{"resp-idle-timeout", "TIME", "off",
           "The same for clients of the Redis protocol, whose pools keep connections; off for as "
           "long as they like. TCP keep-alive finds those that vanished.",
           with<set_limit, &Config::resp_idle_timeout>, nullptr, "off"},
    Option{"write-timeout", "TIME", "30s",
           "How long a client may leave an answer unread before it is disconnected.",
           with<set_time, &Config::clients, &net::ClientSettings::write_timeout>},
    Option{
        "max-head-bytes", "N", "16384",
        "Longest head of a request, its line and fields; longer ones are answered 431.",
        number<kMinHeadBytes, kMaxHttpBytes, &Config::http_limits, &http::Limits::max_head_bytes>},
    Option{"max-body-bytes", "N", "65536",
           "Longest body of a request that is read at all; longer ones are answered 413.",
           number<0, kMaxHttpBytes, &Config::http_limits, &http::Limits::max_body_bytes>},
    Option{
        "drain-delay", "TIME", "off",
        "How long to go on serving after SIGTERM or SIGINT while /readyz is 503 already, so that "
        "load balancers notice; then the stop begins.",
        with<set_limit, &Config::drain_delay>, nullptr, "off"},
    Option{
        "shutdown-timeout", "TIME", "8s",
        "How long a stop by SIGTERM or SIGINT may take: answering what waits, closing the store.",
        with<set_time, &Config::shutdown_timeout>},
    Option{"log-level", "LEVEL", "info",
           "The least important lines to log to standard error: info, warning or error.",
           [](Config& config, std::string_view text) -> Result<void> {
             if (text == "info") {
               config.log_level = LogLevel::kInfo;
             } else if (text == "warning") {
               config.log_level = LogLevel::kWarning;
             } else if (text == "error") {
               config.log_level = LogLevel::kError;
             } else {
               return invalid("it must be info, warning or error");
             }
             return {};
           },
           nullptr, "info warning error"},
    Option{"log-format", "FORMAT", "text",
           "How to log: text, or json, which is one object per line (docs/operations.md).",
           [](Config& config, std::string_view text) -> Result<void> {
             if (text != "text" && text != "json") return invalid("it must be text or json");
             config.log_format = text == "json" ? LogFormat::kJson : LogFormat::kText;
             return {};
           },
           nullptr, "text json"},
};

// --- Sources

Error wrong_value(const std::string& source, const std::string& text, const std::string& reason) {
  const std::string shown = base::visible(store::without_password(text));
  return invalid(cat(source, " is '", shown, "': ", reason, "."));
}

Result<void> apply(const Option& option, Config& config, const std::string& source,
                   const std::string& text) {
  if (const auto stray = base::stray_character(text)) return wrong_value(source, text, *stray);
  const auto applied = option.apply(config, text);
  if (applied) return {};
  return wrong_value(source, text, applied.error().what());
}

std::string not_an_option(const std::string& name) {
  std::vector<std::string> known;
  for (const auto& option : kOptions) known.emplace_back(option.name);
  const std::string meant = meant_option(name, known);
  return meant.empty() ? " is no option; `nextid serve --help` lists those that there are."
                       : cat(" is no option; did you mean ", meant, "?");
}

Result<void> apply_file(Config& config, const std::string& source_of_path,
                        const std::string& path) {
  if (const auto stray = base::stray_character(path)) {
    return wrong_value(source_of_path, path, *stray);
  }
  const auto entries = read_config_file(path);
  if (!entries) return entries.error();
  for (const ConfigEntry& entry : *entries) {
    const NameAndValue& says = entry.says;
    const std::string source = cat(path, ", line ", entry.line, ": ", says.name);
    const auto option = std::find_if(kOptions.begin(), kOptions.end(),
                                     [&](const Option& known) { return known.name == says.name; });
    if (option == kOptions.end()) return invalid(source + not_an_option(says.name));
    if (says.is_list && option->value_name != kList) {
      return invalid(source + " is a list, and this option takes one value.");
    }
    if (auto applied = apply(*option, config, source, says.value); !applied) return applied;
  }
  return {};
}

std::optional<std::string> environment_value(const ConfigSources& sources,
                                             const std::string& name) {
  const auto found = sources.environment.find(name);
  if (found == sources.environment.end() || found->second.empty()) return std::nullopt;
  return found->second;
}

Result<void> apply_named_file(Config& config, const ConfigSources& sources) {
  if (sources.file) return apply_file(config, "--config", *sources.file);
  const std::string name(kConfigEnvironmentName);
  if (const auto path = environment_value(sources, name)) return apply_file(config, name, *path);
  return {};
}

// Applies the option's flag or, without one, its variable.
Result<void> apply_given(const Option& option, Config& config, const ConfigSources& sources) {
  const auto flag = sources.flags.find(std::string(option.name));
  if (flag != sources.flags.end()) return apply(option, config, "--" + flag->first, flag->second);
  const std::string name = option.environment_name();
  if (const auto value = environment_value(sources, name)) {
    return apply(option, config, name, *value);
  }
  if (option.name == kStoreOption && sources.environment.contains(name)) {
    return invalid(name +
                   " is set, but empty: give it the URL of a store such as "
                   "sqlite:/var/lib/nextid/ids.db, or unset it.");
  }
  return {};
}

// Bounds that depend on one another.
Result<void> check(const Config& config) {
  const StoreOptions& store = config.store_options;
  const auto too_small = [&](const std::string& name, std::uint64_t value) {
    return invalid(cat(name, " is ", value, ", but must be at least max-range, which is ",
                       store.max_range, "."));
  };
  if (store.max_reservation < store.max_range) {
    return too_small("max-reservation", store.max_reservation);
  }
  if (store.max_waiting_ids < store.max_range) {
    return too_small("max-waiting-ids", store.max_waiting_ids);
  }
  const std::size_t least_bytes = config.clients.max_connections * kLeastShareBytes;
  if (config.client_bytes() < least_bytes) {
    return invalid(cat("max-client-bytes is ", config.client_bytes(), ", but must be at least ",
                       least_bytes, ": ", kLeastShareBytes,
                       " for each of max-connections, which is ", config.clients.max_connections,
                       "."));
  }
  const net::TlsFiles& tls = config.tls;
  if (tls.certificate.empty() != tls.key.empty()) {
    return invalid("tls-cert and tls-key go together, and one of them is missing.");
  }
  if (!tls.client_ca.empty() && tls.certificate.empty()) {
    return invalid("tls-client-ca needs tls-cert and tls-key.");
  }
  return {};
}

}  // namespace

std::size_t Config::client_bytes() const noexcept {
  const std::size_t usual = std::max(kUsualClientBytes, clients.max_connections * kUsualShareBytes);
  return max_client_bytes.value_or(usual);
}

std::string environment_name_of(std::string_view option) {
  std::string result = cat(kEnvironmentPrefix, base::to_upper(option));
  std::replace(result.begin(), result.end(), '-', '_');
  return result;
}

std::string Option::environment_name() const { return environment_name_of(name); }

std::string Option::full_help() const {
  return (help_before == nullptr ? "" : help_before()) + std::string(help);
}

std::span<const Option> options() { return kOptions; }

Result<Config> load_config(const ConfigSources& sources) {
  Config config;
  if (const auto known = check_environment(sources.environment); !known) return known.error();
  if (const auto applied = apply_named_file(config, sources); !applied) return applied.error();
  for (const auto& option : kOptions) {
    const auto applied = apply_given(option, config, sources);
    if (!applied) return applied.error();
  }
  if (const auto checked = check(config); !checked) return checked.error();
  config.clients.max_range = config.store_options.max_range;
  config.clients.request_timeout = config.store_options.request_timeout;
  return config;
}

}  // namespace nextid::server
