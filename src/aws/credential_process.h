// A program that prints credentials: the bridge to what nextid does not speak itself, such as SSO.
// Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
#pragma once

#include <string>

#include "nextid/error.h"

#include "aws/credentials.h"

namespace nextid::aws {

/// Runs `command`, the credential_process of the profile `profile_name`, without a shell, and reads
/// the JSON that it prints. Blocks up to 60 s, then kills it. kInvalid: no command line, or
/// impossible keys; kUnavailable: the program fails, or prints something else. No error shows its
/// arguments.
Result<Credentials> run_credential_process(const std::string& command,
                                           const std::string& profile_name);

}  // namespace nextid::aws
