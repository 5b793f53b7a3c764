// The credentials of an EC2 instance's role, from its metadata service, version 2 only.
// Source:
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
#pragma once

#include <string>

#include "nextid/error.h"

#include "aws/profile_files.h"
#include "aws/source_answer.h"
#include "base/process_environment.h"

namespace nextid::aws {

/// The service's URL without a slash at its end: AWS_EC2_METADATA_SERVICE_ENDPOINT, else that of
/// AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE (IPv4 or IPv6); each else the profile's setting
/// ec2_metadata_service_endpoint or ..._mode. kInvalid: another mode.
Result<std::string> instance_metadata_url(const base::Environment& environment,
                                          const Profile& profile);

/// Absent: AWS_EC2_METADATA_DISABLED is true, nothing gives a session token (this is no instance),
/// or the instance has no role. Blocks for 2 s where there is no such service; up to 10 s with a
/// slow one.
SourceAnswer ask_instance(const base::Environment& environment, const Profile& profile);

}  // namespace nextid::aws
