// Where the service is: region and endpoint, resolved as the AWS SDKs do.
#pragma once

#include <string>

#include "nextid/error.h"

#include "aws/profile_files.h"
#include "base/process_environment.h"

namespace nextid::aws {

/// `explicit_region` if not empty; AWS_REGION; AWS_DEFAULT_REGION; the profile's region. kInvalid
/// names these ways, when there is no region, or it has characters that no region has.
Result<std::string> resolve_region(const std::string& explicit_region,
                                   const base::Environment& environment, const Profile& profile);

/// The URL of DynamoDB, "https://dynamodb.eu-west-1.amazonaws.com", without a slash at its end:
/// `explicit_endpoint` if not empty; unless AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is true,
/// AWS_ENDPOINT_URL_DYNAMODB, AWS_ENDPOINT_URL, and the profile's (its services section's, then its
/// own); else the region's. kInvalid when it is no http or https URL of a host without path, query
/// or user, or http to another machine, unless `may_be_plain` (secret_travel.h).
Result<std::string> resolve_dynamodb_endpoint(const std::string& explicit_endpoint,
                                              const std::string& region,
                                              const base::Environment& environment,
                                              const Profile& profile, bool may_be_plain = false);

/// The same for STS: AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL, the profile, the region's. Never http
/// to another machine: what STS gets and gives are keys.
Result<std::string> resolve_sts_endpoint(const std::string& region,
                                         const base::Environment& environment,
                                         const Profile& profile);

}  // namespace nextid::aws
