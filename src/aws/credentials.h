// A key pair that signs calls to AWS.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/wipe.h"

namespace nextid::aws {

/// Never logged, printed or put into an error, except `source`.
struct Credentials {
  ~Credentials() {
    base::wipe(secret_access_key);
    base::wipe(session_token);
  }

  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  ///< Empty for keys of a user.
  std::optional<std::chrono::system_clock::time_point> expires;
  std::string source;  ///< Where they came from, for sentences: "the environment".
};

}  // namespace nextid::aws
