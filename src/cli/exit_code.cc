#include "cli/exit_code.h"

#include "cli/output.h"

namespace nextid::cli {

ExitCode exit_code_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kInvalid:
    case ErrorCode::kNotFound:
      return kUsage;
    case ErrorCode::kUnavailable:
    case ErrorCode::kOverloaded:
    case ErrorCode::kDeadline:
      return kUnavailable;
    case ErrorCode::kConflict:
    case ErrorCode::kPrecondition:
      return kConflict;
    case ErrorCode::kExhausted:
      return kExhausted;
    case ErrorCode::kCorrupt:
      return kCorrupt;
  }
  return kFailure;
}

ExitCode report(const Error& error) {
  tell(error.what());
  return exit_code_of(error.code());
}

}  // namespace nextid::cli
