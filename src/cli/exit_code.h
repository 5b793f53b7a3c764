// How a nextid command ends. Documented in `nextid --help`.
#pragma once

#include <string>

#include "nextid/error.h"

namespace nextid::cli {

enum ExitCode : int {
  kOk = 0,
  kFailure = 1,      ///< Output can't be written, or an internal failure.
  kUsage = 2,        ///< Wrong usage or input.
  kUnavailable = 3,  ///< The store or the address can't be used now; trying again may help.
  kExhausted = 4,    ///< The counter has too few ids left.
  kCorrupt = 5,      ///< The store contradicts itself.
  kConflict = 6,     ///< The request contradicts what the store has.
};

ExitCode exit_code_of(ErrorCode code) noexcept;

/// Writes the error as one line to standard error.
ExitCode report(const Error& error);

}  // namespace nextid::cli
