// What one source of credentials says when it is asked.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "nextid/error.h"

#include "aws/credentials.h"

namespace nextid::aws {

struct SourceAnswer {
  /// Credentials, or the failure of a source that is set up. None: the next source is asked.
  std::optional<Result<Credentials>> decision;
  std::string absence;  ///< Without a decision: why, as in "AWS_ROLE_ARN is not set".

  static SourceAnswer decided(Result<Credentials> result) { return {std::move(result), {}}; }
  static SourceAnswer absent(std::string why) { return {std::nullopt, std::move(why)}; }
};

}  // namespace nextid::aws
