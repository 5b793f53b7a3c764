#include "cli/server_options.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "base/cat.h"
#include "cli/option_words.h"

namespace nextid::cli {
namespace {

using base::cat;

constexpr std::array<std::string_view, 4> kStoreOptions{"store", "no-create-store", "accept-copy",
                                                        "state-dir"};
constexpr std::array<std::string_view, 4> kListeningOptions{"http", "tls-cert", "tls-key",
                                                            "tls-client-ca"};

void add_option(CLI::App& command, const server::Option& option, server::ConfigSources& sources) {
  const std::string name(option.name);
  const auto set = [&sources, name](const std::string& value) { sources.flags[name] = value; };
  const std::string help = option.full_help() + " [" + std::string(option.default_text) + "; " +
                           option.environment_name() + "]";
  auto* added = command.add_option_function<std::string>("--" + name, set, help);
  added->type_name(std::string(option.value_name));
  offer(*added, option.words);
  // --NAME is "true", and --NAME=false is for where the environment or the file says so.
  if (option.is_switch()) added->expected(0);
}

void add_config_option(CLI::App& command, server::ConfigSources& sources) {
  command
      .add_option_function<std::string>(
          "--config", [&sources](const std::string& path) { sources.file = path; },
          cat("A file of the options of `nextid serve`, with lines such as http = "
              "\"0.0.0.0:8000\". [",
              server::kConfigEnvironmentName, "]"))
      ->type_name("FILE");
}

void add_some_options(CLI::App& command, std::span<const std::string_view> wanted,
                      server::ConfigSources& sources) {
  sources.environment = environment();
  for (const auto& option : server::options()) {
    if (std::find(wanted.begin(), wanted.end(), option.name) == wanted.end()) continue;
    add_option(command, option, sources);
  }
  add_config_option(command, sources);
}

}  // namespace

server::Environment environment() {
  server::Environment variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (!text.starts_with(server::kEnvironmentPrefix) || equals == std::string_view::npos) continue;
    variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

void add_server_options(CLI::App& command, server::ConfigSources& sources) {
  sources.environment = environment();
  for (const auto& option : server::options()) add_option(command, option, sources);
  add_config_option(command, sources);
}

void add_store_options(CLI::App& command, server::ConfigSources& sources) {
  add_some_options(command, kStoreOptions, sources);
}

void add_listening_options(CLI::App& command, server::ConfigSources& sources) {
  add_some_options(command, kListeningOptions, sources);
}

}  // namespace nextid::cli
