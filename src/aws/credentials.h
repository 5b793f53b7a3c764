// A key pair that signs calls to AWS.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace nextid::aws {

/// Never logged, printed or put into an error, except `source`.
struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  ///< Empty for keys of a user.
  std::optional<std::chrono::system_clock::time_point> expires;
  std::string source;  ///< Where they came from, for sentences: "the environment".
};

}  // namespace nextid::aws
