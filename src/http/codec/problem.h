// What a caller did wrong or met, as a value: the source of every application/problem+json answer.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "nextid/error.h"

namespace nextid::http {

/// One refused request. The string_views point to static text.
struct Problem {
  unsigned status = 400;              ///< The HTTP status.
  std::string_view code = "invalid";  ///< `type` is urn:nextid:error:<code>.
  std::string detail;                 ///< A sentence: what happened, with which value, what to do.
  std::string_view allow = {};        ///< The `Allow` header of a 405.
  std::string_view challenge = {};    ///< The `WWW-Authenticate` header of a 401.
  /// Of a 429: when to come back; `Retry-After` in whole seconds, and `retry_after_ms`.
  std::chrono::milliseconds retry_after{0};
};

/// What a check returns: why it refuses, or nothing.
using Refusal = std::optional<Problem>;

/// A 400 of the code `invalid`.
Problem invalid(std::string sentence);

/// A 412 of the code `precondition_failed`.
Problem precondition_failed(std::string sentence);

/// A 403 of the code `forbidden`.
Problem forbidden(std::string sentence);

/// A 429 of the code `limited`.
Problem limited(std::string sentence, std::chrono::milliseconds retry_after);

/// The answer to a failed call of the library.
Problem problem_of(const Error& error);

}  // namespace nextid::http
