#include "server/environment.h"

#include <algorithm>
#include <initializer_list>
#include <vector>

#include "base/ascii.h"
#include "base/cat.h"
#include "base/stray_text.h"
#include "server/meant_option.h"

namespace nextid::server {
namespace {

using base::cat;

/// "no-create-store" of NEXTID_NO_CREATE_STORE.
std::string option_name(std::string_view variable) {
  std::string name = base::to_lower(variable.substr(kEnvironmentPrefix.size()));
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

/// All variables, by the names of their options.
std::vector<std::string> known_names() {
  std::vector<std::string> names{option_name(kConfigEnvironmentName),
                                 option_name(kTokenEnvironmentName)};
  for (const Option& option : options()) names.emplace_back(option.name);
  return names;
}

bool remove_suffix(std::string_view& text, std::initializer_list<std::string_view> suffixes) {
  for (const std::string_view suffix : suffixes) {
    if (!text.ends_with(suffix)) continue;
    text.remove_suffix(suffix.size());
    return true;
  }
  return false;
}

/// ..._PORT_8000_TCP, and what follows that.
bool is_port_of_a_service(std::string_view name) {
  remove_suffix(name, {"_PROTO", "_PORT", "_ADDR"});
  if (!remove_suffix(name, {"_TCP", "_UDP", "_SCTP"})) return false;
  const auto last = name.find_last_not_of("0123456789");
  return last != std::string_view::npos && last + 1 < name.size() &&
         name.substr(0, last + 1).ends_with("_PORT_");
}

}  // namespace

bool is_made_by_kubernetes(std::string_view name, std::string_view value) {
  constexpr std::string_view kPort = "_SERVICE_PORT";
  if (!name.starts_with(kEnvironmentPrefix)) return false;
  name.remove_prefix(kEnvironmentPrefix.size() - 1);
  if (name.ends_with("_SERVICE_HOST") || is_port_of_a_service(name)) return true;
  if (const auto at = name.find(kPort); at != std::string_view::npos) {
    name.remove_prefix(at + kPort.size());
    return name.empty() || name.starts_with('_');
  }
  // A variable of that name with a mere number was set by a person.
  return name.ends_with("_PORT") && value.find("://") != std::string_view::npos;
}

Result<void> check_environment(const Environment& environment) {
  const auto known = known_names();
  for (const auto& [name, value] : environment) {
    if (!name.starts_with(kEnvironmentPrefix) || is_made_by_kubernetes(name, value)) continue;
    const std::string meant = meant_option(option_name(name), known);
    if (!meant.empty() && environment_name_of(meant) == name) continue;
    return Error(ErrorCode::kInvalid,
                 cat(base::visible(name), " is no option",
                     meant.empty() ? "; unset it: `nextid serve --help` lists those that there are."
                                   : cat("; did you mean ", environment_name_of(meant), "?")));
  }
  return {};
}

}  // namespace nextid::server
