// Environment variables of a test's own. The instance's metadata service is switched off in them,
// so that no test asks the machine it runs on.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/process_environment.h"

namespace nextid::testing {

class FakeEnvironment {
 public:
  FakeEnvironment() = default;
  FakeEnvironment(std::initializer_list<std::pair<const std::string, std::string>> variables) {
    for (const auto& [name, value] : variables) set(name, value);
  }

  void set(const std::string& name, const std::string& value) { variables_[name] = value; }
  void unset(const std::string& name) { variables_.erase(name); }
  /// The copy of now.
  base::Environment get() const {
    return [variables = variables_](const char* name) -> std::optional<std::string> {
      const auto it = variables.find(name);
      if (it == variables.end() || it->second.empty()) return std::nullopt;
      return it->second;
    };
  }

 private:
  std::map<std::string, std::string> variables_{{"AWS_EC2_METADATA_DISABLED", "true"}};
};

}  // namespace nextid::testing
