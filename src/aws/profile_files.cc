#include "aws/profile_files.h"

#include <cstddef>
#include <utility>

#include "aws/settings_file.h"
#include "aws/text_file.h"
#include "base/cat.h"

namespace nextid::aws {
namespace {

using base::cat;

constexpr std::size_t kFileLimitBytes = 1 << 20;

// None if the file is to be looked for in a home directory, and there is none.
std::optional<std::string> file_path(const base::Environment& environment, const char* variable,
                                     const std::string& in_home) {
  const auto home = environment("HOME");
  auto given = environment(variable);
  if (!given) return home ? std::optional(*home + in_home) : std::nullopt;
  if (given->starts_with("~/") && home) return *home + given->substr(1);
  return given;
}

Result<Sections> read_sections(const std::optional<std::string>& path) {
  if (!path) return Sections();
  const auto text = read_text_file(*path, kFileLimitBytes);
  if (text.has_error()) return text.error();
  if (!text.value()) return Sections();
  return parse_settings_file(*text.value(), *path);
}

const Settings* find_section(const Sections& sections, const std::string& name) {
  const auto found = sections.find(name);
  return found == sections.end() ? nullptr : &found->second;
}

const Settings* find_in_config(const Sections& config, const std::string& name) {
  const Settings* settings = find_section(config, "profile " + name);
  return settings == nullptr && name == "default" ? find_section(config, name) : settings;
}

void add_credentials_file(const Settings& credentials, Profile& profile) {
  // A key of one file does not go with a secret or a session token of the other.
  if (credentials.contains("aws_access_key_id")) {
    profile.settings.erase("aws_secret_access_key");
    profile.settings.erase("aws_session_token");
  }
  for (const auto& [name, value] : credentials) profile.settings[name] = value;
}

// The section that the profile's `services = NAME` names, into the profile.
std::optional<Error> add_services(const Sections& config, Profile& profile) {
  const auto name = profile.get("services");
  if (!name) return std::nullopt;
  const Settings* services = find_section(config, "services " + *name);
  if (services == nullptr) {
    return Error(ErrorCode::kInvalid, cat("The AWS profile '", profile.name, "' has services = ",
                                          *name, ", but the config file has no section [services ",
                                          *name, "]. Add it, or remove the setting."));
  }
  for (const auto& [setting, value] : *services) profile.settings["services." + setting] = value;
  return std::nullopt;
}

Error no_such_profile(const std::string& name, const std::optional<std::string>& config,
                      const std::optional<std::string>& credentials) {
  const std::string first = config.value_or("the config file (HOME is not set)");
  const std::string second = credentials.value_or("the credentials file");
  return {ErrorCode::kInvalid,
          cat("The AWS profile '", name, "' is neither in ", first, " (as [profile ", name,
              "]) nor in ", second, " (as [", name, "]). Add it, or name another one.")};
}

}  // namespace

std::optional<std::string> Profile::get(const std::string& setting) const {
  const auto it = settings.find(setting);
  if (it == settings.end() || it->second.empty()) return std::nullopt;
  return it->second;
}

Result<Profile> read_profile(const std::string& explicit_name,
                             const base::Environment& environment) {
  const auto config_path = file_path(environment, "AWS_CONFIG_FILE", "/.aws/config");
  const auto credentials_path =
      file_path(environment, "AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials");
  const auto config = read_sections(config_path);
  if (config.has_error()) return config.error();
  const auto credentials = read_sections(credentials_path);
  if (credentials.has_error()) return credentials.error();

  std::optional<std::string> asked = environment("AWS_PROFILE");
  if (!explicit_name.empty()) asked = explicit_name;
  Profile profile;
  profile.name = asked.value_or("default");
  const Settings* in_config = find_in_config(config.value(), profile.name);
  const Settings* in_credentials = find_section(credentials.value(), profile.name);
  profile.found = in_config != nullptr || in_credentials != nullptr;
  if (!profile.found && asked) return no_such_profile(*asked, config_path, credentials_path);

  if (in_config != nullptr) profile.settings = *in_config;
  if (in_credentials != nullptr) add_credentials_file(*in_credentials, profile);
  if (const auto error = add_services(config.value(), profile)) return *error;
  return profile;
}

}  // namespace nextid::aws
