// How a nextid command ends.
#pragma once

#include <array>
#include <string_view>

#include "nextid/error.h"

namespace nextid::cli {

enum ExitCode : int {
  kOk = 0,
  kFailure = 1,
  kUsage = 2,
  kUnavailable = 3,
  kExhausted = 4,
  kCorrupt = 5,
  kConflict = 6,
};

struct ExitMeaning {
  ExitCode code;
  std::string_view name;  ///< In `nextid --help`.
  std::string_view meaning;
};
inline constexpr std::array kExitMeanings{
    ExitMeaning{kOk, "done", "Done."},
    ExitMeaning{kFailure, "output failed",
                "Output can't be written (standard error tells which ids are lost), or an internal "
                "failure."},
    ExitMeaning{kUsage, "wrong usage", "Wrong usage or input."},
    ExitMeaning{kUnavailable, "unavailable now",
                "The store or the address can't be used now: unavailable, overloaded, too slow, in "
                "use. Trying again may help."},
    ExitMeaning{kExhausted, "too few ids left", "The counter has too few ids left."},
    ExitMeaning{kCorrupt, "store damaged", "The store contradicts itself, or is damaged."},
    ExitMeaning{kConflict, "conflict",
                "It contradicts what the store has: a definition, a deletion, or a key for another "
                "count."},
};

ExitCode exit_code_of(ErrorCode code) noexcept;

/// Writes the error as one line to standard error.
ExitCode report(const Error& error);

}  // namespace nextid::cli
