// What there is to say of the credentials in use: for `nextid doctor`, and for /metrics.
#pragma once

#include <chrono>
#include <string>

#include "nextid/statistics.h"

#include "aws/credentials.h"

namespace nextid::aws {

/// The fact "credentials", as of `now`. `trouble` is CredentialCache::trouble(). Its figures are
/// credentials_expiry_timestamp_seconds, if they expire, and credentials_renewal_failing.
HealthFact health_of(const Credentials& credentials, const std::string& trouble,
                     std::chrono::system_clock::time_point now);

}  // namespace nextid::aws
