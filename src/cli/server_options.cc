#include "cli/server_options.h"

#include <cstdlib>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

namespace nextid::cli {
namespace {

using Sources = std::shared_ptr<server::ConfigSources>;

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

void add_option(CLI::App& command, const server::Option& option, const Sources& sources) {
  const std::string name(option.name);
  const auto set = [sources, name](const std::string& value) { sources->flags[name] = value; };
  const std::string help = std::string(option.help) + " [" + std::string(option.default_text) +
                           "; " + option.environment_name() + "]";
  if (option.is_switch()) {
    command.add_flag_callback(
        "--" + name, [set] { set("true"); }, help);
  } else {
    command.add_option_function<std::string>("--" + name, set, help)
        ->type_name(std::string(option.value_name));
  }
}

}  // namespace

void add_server_options(CLI::App& command, const Sources& sources) {
  sources->environment = environment;
  for (const auto& option : server::options()) add_option(command, option, sources);
  command
      .add_option_function<std::string>(
          "--config", [sources](const std::string& path) { sources->file = path; },
          "A TOML file of these options, as  http = \"0.0.0.0:8000\"  [" +
              std::string(server::kConfigEnvironmentName) + "]")
      ->type_name("FILE");
}

}  // namespace nextid::cli
