// Whether a caller may have what it asks for.
#pragma once

#include <span>
#include <string_view>

#include "auth/access.h"
#include "service/needs.h"

namespace nextid::service {

struct Permission {
  auth::Verdict verdict = auth::Verdict::kGranted;
  std::string_view counter = {};  ///< The first one not granted, where a counter decides.

  bool granted() const noexcept { return verdict == auth::Verdict::kGranted; }
};

/// Judges the token that `caller` has shown. Where the server asks for none, all is granted.
/// `counters` are those that the call names.
Permission permission_of(const Needs& needs, std::span<const std::string_view> counters,
                         auth::Session& caller);

}  // namespace nextid::service
