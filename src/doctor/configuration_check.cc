#include <algorithm>

#include "doctor/checks.h"

namespace nextid::doctor {

Findings check_environment(const std::vector<std::string>& environment) {
  Findings findings;
  for (const std::string& variable : environment) {
    const std::string name = variable.substr(0, variable.find('='));
    if (!name.starts_with("NEXTID_") || name == server::kConfigEnvironmentName) continue;
    const auto options = server::options();
    const bool known = std::any_of(options.begin(), options.end(), [&](const auto& option) {
      return option.environment_name() == name;
    });
    if (!known) {
      findings.push_back(
          warn("environment",
               "The variable " + name + " is no option; `nextid serve --help` lists them."));
    }
  }
  return findings;
}

}  // namespace nextid::doctor
