// A role taken on with a token of another identity provider, as in EKS (IRSA).
// Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
#pragma once

#include <string>

#include "nextid/error.h"

#include "aws/profile_files.h"
#include "aws/source_answer.h"
#include "base/process_environment.h"

namespace nextid::aws {

struct WebIdentity {
  std::string token_file;  ///< Read anew every time, as its owner replaces it.
  std::string role_arn;
  std::string session_name;
  std::string sts_endpoint;
};

/// Exchanges the token at STS, in a call that needs no signature. Blocks up to 16 s. kInvalid: the
/// token can't be read; kUnavailable: no answer, or STS's own code and message.
Result<Credentials> assume_role(const WebIdentity& identity);

/// By AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN and AWS_ROLE_SESSION_NAME; absent without the
/// first.
SourceAnswer ask_web_identity(const std::string& region, const base::Environment& environment,
                              const Profile& profile);

/// By the profile's web_identity_token_file, role_arn and role_session_name; absent without the
/// first.
SourceAnswer ask_profile_web_identity(const std::string& region,
                                      const base::Environment& environment, const Profile& profile);

}  // namespace nextid::aws
