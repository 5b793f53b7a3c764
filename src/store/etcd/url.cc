#include "store/etcd/url.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include <boost/url/parse.hpp>

#include "base/cat.h"
#include "base/whole_number.h"
#include "http_client/secret_travel.h"
#include "http_client/url.h"
#include "store/common/url_parameters.h"
#include "store/common/url_password.h"
#include "store/etcd/keys.h"

namespace nextid::store {
namespace {

using base::cat;

constexpr std::chrono::milliseconds kShortestAttempt{50};
constexpr std::string_view kDefaultPort = "2379";

Error invalid(const std::string& problem) {
  return Error(ErrorCode::kInvalid,
               problem + "; the form is etcd://HOST:PORT,HOST:PORT/PREFIX?ca_file=...");
}

/// The parts of a URL of ours, which no other parser takes: it has several hosts.
struct Parts {
  std::string user;
  std::string hosts;
  std::string prefix;
  std::string query;  ///< With its "?"; may be empty.
};

std::optional<Parts> split(const std::string& rest) {
  if (!rest.starts_with("//") || rest.find('#') != std::string::npos) return std::nullopt;
  Parts parts;
  const auto question = std::min(rest.find('?'), rest.size());
  parts.query = rest.substr(question);
  const std::string place = rest.substr(2, question - 2);
  const auto slash = std::min(place.find('/'), place.size());
  parts.hosts = place.substr(0, slash);
  if (slash < place.size()) parts.prefix = place.substr(slash + 1);
  if (const auto at = parts.hosts.rfind('@'); at != std::string::npos) {
    parts.user = parts.hosts.substr(0, at);
    parts.hosts.erase(0, at + 1);
  }
  return parts;
}

std::vector<std::string> list_of(std::string_view text) {
  std::vector<std::string> elements;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    elements.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return elements;
}

/// What the URL says of TLS; nothing where it is silent.
struct Parameters {
  EtcdSettings settings;
  std::optional<bool> tls;
};

UrlProblem set_parameter(Parameters& parameters, const std::string& name,
                         const std::string& value) {
  EtcdSettings& settings = parameters.settings;
  if (name == "create") return set_bool(settings.create, name, value);
  if (name == "plain_http") return set_bool(settings.plain_http, name, value);
  if (name == "attempt_timeout") {
    return set_attempt_timeout(settings.attempt_timeout, value, kShortestAttempt);
  }
  if (name == "tls") return set_bool(parameters.tls.emplace(), name, value);
  if (name == "password") {
    return "a password is not to be in the URL, which others see: use ETCDCTL_PASSWORD or "
           "password_file=";
  }
  std::string* text = name == "ca_file"         ? &settings.ca_file
                      : name == "cert_file"     ? &settings.cert_file
                      : name == "key_file"      ? &settings.key_file
                      : name == "user"          ? &settings.user
                      : name == "password_file" ? &settings.password_file
                                                : nullptr;
  if (text != nullptr) return set_text(*text, name, value);
  return cat("a store in etcd has no parameter '", name,
             "', but tls, ca_file, cert_file, key_file, user, password_file, plain_http, create "
             "and attempt_timeout");
}

UrlProblem set_parameters(Parameters& parameters, const std::string& query) {
  const std::string text = with_encoded_brackets("etcd://host" + query);
  const auto url = boost::urls::parse_uri(text);
  if (!url) return "what follows '?' is no list of parameters";
  return for_each_parameter(*url, [&](const std::string& name, const std::string& value) {
    return set_parameter(parameters, name, value);
  });
}

UrlProblem set_user(EtcdSettings& settings, const std::string& user,
                    const base::Environment& environment) {
  if (user.find(':') != std::string::npos) {
    return "a password is not to be in the URL, which others see: use ETCDCTL_PASSWORD or "
           "password_file=";
  }
  if (!user.empty() && !settings.user.empty()) return "the user is given twice";
  if (settings.user.empty()) settings.user = user;
  if (settings.user.empty()) {
    // "USER:PASSWORD", as etcdctl has it.
    settings.user = environment("ETCDCTL_USER").value_or("");
    if (const auto colon = settings.user.find(':'); colon != std::string::npos) {
      settings.password = settings.user.substr(colon + 1);
      settings.user.erase(colon);
    }
  }
  if (auto password = environment("ETCDCTL_PASSWORD"); password && !settings.user.empty()) {
    settings.password = *std::move(password);
  }
  const bool has_password = !settings.password.empty() || !settings.password_file.empty();
  if (!settings.user.empty() && !has_password) {
    return cat("the user '", settings.user,
               "' has no password: set ETCDCTL_PASSWORD or password_file=");
  }
  if (settings.user.empty() && !settings.password_file.empty()) {
    return "a password needs a user: set user= or ETCDCTL_USER";
  }
  return {};
}

void set_files(EtcdSettings& settings, const base::Environment& environment) {
  const auto from = [&](std::string& file, const char* variable) {
    if (file.empty()) file = environment(variable).value_or("");
  };
  from(settings.ca_file, "ETCDCTL_CACERT");
  // A certificate and a key belong together.
  if (!settings.cert_file.empty() || !settings.key_file.empty()) return;
  from(settings.cert_file, "ETCDCTL_CERT");
  from(settings.key_file, "ETCDCTL_KEY");
}

/// "HOST:PORT" or "http://HOST:PORT" with a scheme in front, and a port behind.
Result<std::string> endpoint_of(const std::string& text, bool tls) {
  const auto scheme = text.find("://");
  const bool has_scheme = scheme != std::string::npos;
  std::string host = has_scheme ? text.substr(scheme + 3) : text;
  while (host.ends_with('/')) host.pop_back();
  // The colons of an IPv6 address are in brackets.
  const auto colon = host.find(':', host.rfind(']') == std::string::npos ? 0 : host.rfind(']'));
  if (colon == std::string::npos) host.append(":").append(kDefaultPort);
  const std::string port = host.substr(host.rfind(':') + 1);
  const std::string whole = (has_scheme ? text.substr(0, scheme)
                             : tls      ? "https"
                                        : "http") +
                            std::string("://") + host;
  const auto url = http_client::parse_url(whole);
  if (!url || url->path != "/" || url->has_query_or_fragment ||
      !base::whole_number(port, 1, 65535)) {
    return invalid(cat("'", hide_password(text), "' is no HOST:PORT of etcd"));
  }
  return whole;
}

Result<void> set_endpoints(EtcdSettings& settings, const std::string& hosts,
                           std::optional<bool> tls, const base::Environment& environment) {
  const bool has_files = !settings.ca_file.empty() || !settings.cert_file.empty();
  std::string list = hosts;
  if (list.empty()) list = environment("ETCDCTL_ENDPOINTS").value_or("127.0.0.1:2379");
  for (const std::string& text : list_of(list)) {
    auto endpoint = endpoint_of(text, tls.value_or(has_files));
    if (!endpoint) return endpoint.error();
    settings.endpoints.push_back(*std::move(endpoint));
  }
  if (settings.endpoints.empty()) return invalid("no HOST:PORT is given");
  for (const std::string& endpoint : settings.endpoints) {
    if (settings.user.empty() || settings.plain_http) break;
    if (!http_client::may_carry_secrets(*http_client::parse_url(endpoint))) {
      return Error(ErrorCode::kInvalid,
                   cat("the password of '", settings.user, "' would go to ", endpoint,
                       " in the clear: use TLS (tls=true, or ca_file=), or plain_http=true where "
                       "the network keeps others out"));
    }
  }
  return {};
}

}  // namespace

Result<EtcdSettings> parse_etcd_url(const std::string& rest, bool create,
                                    const base::Environment& environment) {
  const auto parts = split(rest);
  const std::string shown = hide_password("etcd:" + rest);
  if (!parts) return invalid(cat("'", shown, "' is no store URL"));
  Parameters parameters;
  EtcdSettings& settings = parameters.settings;
  settings.url = shown;
  settings.create = create;
  if (!parts->prefix.empty()) settings.prefix = parts->prefix;
  if (!is_etcd_prefix(settings.prefix)) {
    return invalid(cat("'", settings.prefix,
                       "' is no prefix: those have letters, digits and '_-.:/', and no part "
                       "'store', 'c', 's', 'i' or 'try'"));
  }
  if (auto problem = set_parameters(parameters, parts->query); !problem.empty()) {
    return invalid(problem);
  }
  set_files(settings, environment);
  if (settings.cert_file.empty() != settings.key_file.empty()) {
    return invalid("a client certificate needs both cert_file= and key_file=");
  }
  if (auto problem = set_user(settings, parts->user, environment); !problem.empty()) {
    return invalid(problem);
  }
  if (auto set = set_endpoints(settings, parts->hosts, parameters.tls, environment); !set) {
    return set.error();
  }
  return settings;
}

}  // namespace nextid::store
