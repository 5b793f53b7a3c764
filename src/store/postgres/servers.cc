#include "store/postgres/servers.h"

#include <algorithm>
#include <array>
#include <libpq-fe.h>
#include <memory>
#include <string_view>

#include "base/cat.h"
#include "store/postgres/failure.h"

namespace nextid::store {
namespace {

using Parameters = PostgresServers::Parameters;
using Options = std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)>;
using Connection = std::unique_ptr<PGconn, void (*)(PGconn*)>;

/// What holds where neither the URL nor the environment says otherwise: a connection that the
/// network lost is found out.
constexpr std::array<std::pair<const char*, const char*>, 4> kDefaults{{
    {"fallback_application_name", "nextid"},
    {"keepalives_idle", "10"},
    {"keepalives_interval", "5"},
    {"keepalives_count", "3"},
}};

Parameters set_parameters(const PQconninfoOption* options) {
  Parameters parameters;
  for (const auto* option = options; option->keyword != nullptr; ++option) {
    if (option->val != nullptr) parameters.emplace_back(option->keyword, option->val);
  }
  return parameters;
}

std::string* find(Parameters& parameters, std::string_view keyword) {
  const auto found = std::find_if(parameters.begin(), parameters.end(),
                                  [&](const auto& entry) { return entry.first == keyword; });
  return found == parameters.end() ? nullptr : &found->second;
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts(1);
  for (const char c : list) {
    if (c == ',') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

/// One set of parameters for each host. libpq would go through the hosts by itself, but with no
/// limit of time for each when it must not block.
std::vector<Parameters> one_for_each(const Parameters& all) {
  constexpr std::array<std::string_view, 3> kLists{"host", "hostaddr", "port"};
  std::size_t count = 1;
  for (const auto& [keyword, value] : all) {
    if (keyword != "port" && std::find(kLists.begin(), kLists.end(), keyword) != kLists.end()) {
      count = std::max(count, split(value).size());
    }
  }
  std::vector<Parameters> servers(count, all);
  for (std::size_t i = 0; i < count; ++i) {
    for (const std::string_view keyword : kLists) {
      std::string* value = find(servers[i], keyword);
      if (value == nullptr) continue;
      const auto parts = split(*value);
      *value = parts.size() == 1 ? parts.front() : i < parts.size() ? parts[i] : std::string();
    }
    // Of several servers one that takes writes is meant; "any" is libpq's default.
    std::string* attributes = find(servers[i], "target_session_attrs");
    if (count > 1 && attributes != nullptr && *attributes == "any") *attributes = "read-write";
  }
  return servers;
}

/// Other failures to begin a connection come from the network, or from the system's names.
bool is_about_options(std::string_view complaint) {
  return complaint.find("connection to server") == std::string_view::npos &&
         complaint.find("could not translate") == std::string_view::npos;
}

/// All that libpq would use, with the environment's variables and the service file's settings.
Result<Parameters> with_environment(const PostgresSettings& settings) {
  char* complaint = nullptr;
  const Options given(PQconninfoParse(settings.conninfo.c_str(), &complaint), &PQconninfoFree);
  if (!given) {
    const std::unique_ptr<char, void (*)(void*)> held(complaint, &PQfreemem);
    // Not libpq's own words, which may repeat a password.
    return Error(ErrorCode::kInvalid,
                 base::cat("'", settings.url,
                           "' is no store URL that libpq takes: check its parts and parameters; "
                           "the form is postgres://USER@HOST:PORT/DATABASE?..."));
  }
  Parameters parameters = set_parameters(given.get());
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const auto& [keyword, value] : parameters) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  for (const auto& [keyword, value] : kDefaults) {
    if (find(parameters, keyword) != nullptr) continue;
    keywords.push_back(keyword);
    values.push_back(value);
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  // It begins to connect, which is given up again: only so does libpq tell what it found.
  const Connection probe(PQconnectStartParams(keywords.data(), values.data(), 0), &PQfinish);
  const std::string complaint_of_probe = on_one_line(PQerrorMessage(probe.get()));
  const Options all(PQconninfo(probe.get()), &PQconninfoFree);
  if (!all || (PQstatus(probe.get()) == CONNECTION_BAD && is_about_options(complaint_of_probe))) {
    return Error(ErrorCode::kInvalid,
                 base::cat("can't use '", settings.url, "': ", complaint_of_probe,
                           "; the form is postgres://USER@HOST:PORT/DATABASE?..."));
  }
  return set_parameters(all.get());
}

}  // namespace

Result<PostgresServers> PostgresServers::find(const PostgresSettings& settings) {
  const auto all = with_environment(settings);
  if (!all) return all.error();
  return PostgresServers(one_for_each(*all));
}

const Parameters& PostgresServers::nth(std::size_t n) const {
  return servers_[(good_ + n) % servers_.size()];
}

void PostgresServers::set_good(std::size_t n) { good_ = (good_ + n) % servers_.size(); }

}  // namespace nextid::store
