// Credentials as sources write them down, checked before anything is signed with them.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "nextid/error.h"

#include "aws/credentials.h"

namespace nextid::aws {

/// "2026-11-25T12:00:00Z"; also with a fraction of a second, and with an offset such as +00:00 in
/// place of Z. Years before 1970 or past 2200 count as these. None if the text has another form.
std::optional<std::chrono::system_clock::time_point> parse_expiry(std::string_view text);

/// The credentials with `expiration` as their expiry, if there is one. Errors name the source and
/// never a value of a key: kInvalid when a key or the token is empty or has blanks or control
/// characters, as no header can carry those; kUnavailable when the expiry is unreadable or past.
Result<Credentials> check_credentials(Credentials credentials,
                                      const std::optional<std::string>& expiration);

/// A JSON object with AccessKeyId, SecretAccessKey, the session token as `token_name`, and
/// Expiration; the last two may be absent or null. kUnavailable when the text is no such object;
/// otherwise as check_credentials().
Result<Credentials> parse_credentials_json(std::string_view text, std::string_view token_name,
                                           const std::string& source);

/// "CODE: MESSAGE" of a service's JSON, short and printable; empty if it has no code, or "Success".
std::string parse_failure_json(std::string_view text);

}  // namespace nextid::aws
