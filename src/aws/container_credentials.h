// The credentials of a container's role: ECS, and EKS Pod Identity.
// Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
#pragma once

#include <optional>
#include <string>

#include "nextid/error.h"

#include "aws/source_answer.h"
#include "base/process_environment.h"

namespace nextid::aws {

/// AWS_CONTAINER_CREDENTIALS_RELATIVE_URI at 169.254.170.2, else
/// AWS_CONTAINER_CREDENTIALS_FULL_URI; none when neither is set. kInvalid: no URL, or plain http to
/// another host than this machine and the addresses that ECS and EKS use, as keys would cross the
/// network in the clear.
Result<std::optional<std::string>> container_credentials_url(const base::Environment& environment);

/// Asks that URL, with the text of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, read anew every time, or
/// AWS_CONTAINER_AUTHORIZATION_TOKEN as authorization. Blocks up to 7 s.
SourceAnswer ask_container(const base::Environment& environment);

}  // namespace nextid::aws
