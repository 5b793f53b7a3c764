// The `config` and `credentials` files that AWS programs share.
// Source: https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
#pragma once

#include <map>
#include <optional>
#include <string>

#include "nextid/error.h"

#include "base/process_environment.h"

namespace nextid::aws {

/// One profile: its settings by lower-case name, the credentials file's before the config file's,
/// with those of its services section as "services.dynamodb.endpoint_url".
struct Profile {
  std::string name;
  bool found = false;  ///< False when neither file has it; then it is empty.
  std::map<std::string, std::string> settings;

  std::optional<std::string> get(const std::string& setting) const;
};

/// The profile `explicit_name` if not empty, else AWS_PROFILE, else "default", from
/// AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials) and AWS_CONFIG_FILE (~/.aws/config). A file
/// that is not there is empty. kInvalid: a file that can't be read or parsed, named with its line;
/// a profile that was asked for by name and is in neither.
Result<Profile> read_profile(const std::string& explicit_name,
                             const base::Environment& environment);

}  // namespace nextid::aws
