// Where credentials may come from, in the order in which the AWS SDKs look.
#pragma once

#include <string>

#include "nextid/error.h"

#include "aws/credentials.h"
#include "aws/profile_files.h"
#include "base/process_environment.h"

namespace nextid::aws {

/// Looks once, from the start; reads files, runs credential_process, asks local endpoints and STS.
/// Blocks, each step with a time limit. A source that is configured decides: when it fails, the
/// error is its own and no later source is asked.
///
///   1. the environment's keys (not with `explicit_profile`)
///   2. web identity (EKS IRSA), from the environment (not with `explicit_profile`)
///   3. the profile of the shared files: web identity, keys, credential_process
///   4. the container's endpoint (ECS, EKS Pod Identity)
///   5. the instance's metadata service (EC2, IMDSv2 only)
///
/// A profile's role or login that only other AWS programs can use takes precedence over keys beside
/// it. Unless the profile has a credential_process, it is an error that shows how to use one.
///
/// kUnavailable names all that was tried and how to give credentials, or what did not answer;
/// kInvalid what is set up wrongly.
Result<Credentials> find_credentials(const std::string& explicit_profile, const std::string& region,
                                     const base::Environment& environment);

}  // namespace nextid::aws
