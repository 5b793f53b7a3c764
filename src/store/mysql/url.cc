#include "store/mysql/url.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include <boost/url/parse.hpp>

#include "base/cat.h"
#include "base/whole_number.h"
#include "store/common/url_parameters.h"
#include "store/common/url_password.h"

namespace nextid::store {
namespace {

using base::cat;

constexpr std::chrono::milliseconds kShortestAttempt{100};
/// The server's limit for names is 64 characters.
constexpr std::size_t kLongestPrefix = 40;

Error invalid(const std::string& sentence) {
  return Error(ErrorCode::kInvalid, sentence + "; the form is mysql://USER@HOST:PORT/DB?...");
}

bool is_prefix(std::string_view text) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !text.empty() && text.size() <= kLongestPrefix &&
         std::all_of(text.begin(), text.end(), is_allowed);
}

UrlProblem set_tables(MysqlSettings& settings, const std::string& value) {
  if (!is_prefix(value)) {
    return cat("tables is '", value, "', and must be 1 to ", kLongestPrefix,
               " letters, digits and '_', which the names of the tables begin with");
  }
  settings.tables = value;
  return {};
}

UrlProblem set_ssl(MysqlSettings& settings, const std::string& name, const std::string& value) {
  bool ssl = false;
  UrlProblem problem = set_bool(ssl, name, value);
  if (problem.empty()) settings.ssl = ssl;
  return problem;
}

UrlProblem set_parameter(MysqlSettings& settings, const std::string& name,
                         const std::string& value) {
  if (name == "create") return set_bool(settings.create, name, value);
  if (name == "ssl") return set_ssl(settings, name, value);
  if (name == "ssl_verify") return set_bool(settings.ssl_verify, name, value);
  if (name == "require_semi_sync") return set_bool(settings.require_semi_sync, name, value);
  if (name == "tables") return set_tables(settings, value);
  if (name == "attempt_timeout") {
    return set_attempt_timeout(settings.attempt_timeout, value, kShortestAttempt);
  }
  std::string* text = name == "socket"         ? &settings.socket
                      : name == "option_file"  ? &settings.option_file
                      : name == "option_group" ? &settings.option_group
                      : name == "ssl_ca"       ? &settings.ssl_ca
                      : name == "ssl_cert"     ? &settings.ssl_cert
                      : name == "ssl_key"      ? &settings.ssl_key
                                               : nullptr;
  if (text != nullptr) return set_text(*text, name, value);
  return cat("a MySQL store has no parameter '", name,
             "', but socket, tables, option_file, option_group, ssl, ssl_ca, ssl_cert, ssl_key, "
             "ssl_verify, require_semi_sync, create and attempt_timeout");
}

std::string contradiction_in(const MysqlSettings& settings) {
  if (settings.ssl_cert.empty() != settings.ssl_key.empty()) {
    return "ssl_cert and ssl_key are the two halves of one thing: give both or none";
  }
  const bool has_tls_files = !settings.ssl_ca.empty() || !settings.ssl_cert.empty();
  if (settings.ssl == false && has_tls_files) {
    return "ssl=false contradicts ssl_ca, ssl_cert and ssl_key";
  }
  return "";
}

UrlProblem take_environment(MysqlSettings& settings, const MysqlEnvironment& environment) {
  const auto value = [&](const char* name) { return environment(name).value_or(""); };
  const bool is_placed = !settings.host.empty() || !settings.socket.empty();
  if (!is_placed) settings.host = value("MYSQL_HOST");
  if (!is_placed && settings.host.empty()) settings.socket = value("MYSQL_UNIX_PORT");
  if (const std::string port = value("MYSQL_TCP_PORT"); settings.port == 0 && !port.empty()) {
    const auto number = base::whole_number(port, 1, 65'535);
    if (!number) return cat("MYSQL_TCP_PORT is '", port, "', and must be a port");
    settings.port = static_cast<std::uint16_t>(*number);
  }
  if (settings.password.empty()) settings.password = value("MYSQL_PWD");
  return {};
}

void take_authority(MysqlSettings& settings, const boost::urls::url_view& url) {
  settings.user = url.user();
  settings.password = url.password();
  settings.host = url.host_type() == boost::urls::host_type::ipv6 ? url.host_address() : url.host();
  if (url.has_port()) settings.port = url.port_number();
}

}  // namespace

bool is_remote(const MysqlSettings& settings) {
  const std::string& host = settings.host;
  const bool is_here =
      host.empty() || host == "localhost" || host.starts_with("127.") || host == "::1";
  return settings.socket.empty() && !is_here;
}

bool needs_tls(const MysqlSettings& settings) {
  const bool is_set_up = !settings.ssl_ca.empty() || !settings.ssl_cert.empty();
  return settings.ssl.value_or(is_set_up || is_remote(settings));
}

std::chrono::seconds lock_wait_of(const MysqlSettings& settings) {
  const auto half = std::chrono::floor<std::chrono::seconds>(settings.attempt_timeout / 2);
  return std::max(half, std::chrono::seconds(1));
}

std::optional<std::string> mysql_process_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

Result<MysqlSettings> parse_mysql_url(const std::string& rest, bool create,
                                      const MysqlEnvironment& environment) {
  const std::string shown = hide_password("mysql:" + rest);
  const std::string encoded = with_encoded_brackets("mysql:" + rest);  // `url` is a view of it.
  const auto url = boost::urls::parse_uri(encoded);
  // "//h:x" is taken for the host h, and "x" for a path.
  const bool has_right_path =
      url && (url->encoded_path().empty() || url->encoded_path().starts_with('/'));
  if (!has_right_path || !url->has_authority()) {
    return invalid(cat("'", shown, "' is no store URL"));
  }
  if (url->has_fragment() || url->segments().size() > 1) {
    return invalid(cat("'", shown, "' says more than a server, a database and parameters"));
  }
  if (url->has_port() && !url->port().empty() && !base::whole_number(url->port(), 1, 65'535)) {
    return invalid(cat("'", url->port(), "' is no port"));
  }
  MysqlSettings settings{.url = shown};
  settings.create = create;
  take_authority(settings, *url);
  if (!url->segments().empty()) settings.database = url->segments().front();
  UrlProblem problem =
      for_each_parameter(*url, [&](const std::string& name, const std::string& value) {
        return set_parameter(settings, name, value);
      });
  if (problem.empty()) problem = contradiction_in(settings);
  if (problem.empty()) problem = take_environment(settings, environment);
  if (!problem.empty()) return invalid(problem);
  return settings;
}

}  // namespace nextid::store
