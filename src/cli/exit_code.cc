#include "cli/exit_code.h"

#include <cstdio>

#include "cli/output.h"

namespace nextid::cli {

ExitCode exit_code_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kInvalid:
    case ErrorCode::kNotFound:
      return kUsage;
    case ErrorCode::kUnavailable:
    case ErrorCode::kOverloaded:
    case ErrorCode::kLimited:
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
  std::fprintf(stderr, "nextid: %s\n", for_terminal(error.what()).c_str());
  return exit_code_of(error.code());
}

}  // namespace nextid::cli
