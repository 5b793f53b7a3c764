// Errors are values: every call that can fail returns Result<T>. A code exists only where a caller
// would act differently; the sentence in what() says what happened, with which value, and what to
// do.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include <boost/system/result.hpp>

namespace nextid {

enum class ErrorCode {
  kInvalid,       ///< The request itself is wrong; sending it again can't help.
  kNotFound,      ///< The named counter does not exist.
  kConflict,      ///< It contradicts what the store has: a definition, or an idempotency key.
  kPrecondition,  ///< The condition that the call came with does not hold.
  kExhausted,     ///< The count asked for does not fit below the counter's max (I6).
  kCorrupt,       ///< The store contradicts what this node knows; the counter has stopped.
  kOverloaded,    ///< A bound of this node is reached; try again soon, or elsewhere.
  kLimited,       ///< A limit that the server set for this caller is reached; `nextid serve` alone.
  kUnavailable,   ///< The store's last attempt failed; try again later.
  kDeadline,      ///< The store is working, but did not answer within the request's time.
};

/// The code's name in URNs and JSON: "invalid", "not_found", ...
std::string_view to_string(ErrorCode code) noexcept;

/// One failure. Copying is cheap and does not throw; Result<T>::value() throws it.
class Error : public std::runtime_error {
 public:
  /// What Result<T>::error() gives when there is a value; no call fails with it.
  Error() : Error(ErrorCode::kInvalid, "no error") {}
  Error(ErrorCode code, const std::string& sentence) : std::runtime_error(sentence), code_(code) {}

  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

[[noreturn]] inline void throw_exception_from_error(const Error& error,
                                                    const boost::source_location&) {
  throw error;
}

/// A value or an Error. `[[nodiscard]]`; `value()` throws nextid::Error.
template <typename T>
using Result = boost::system::result<T, Error>;

}  // namespace nextid
