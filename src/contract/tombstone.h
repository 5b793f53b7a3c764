// A deleted counter, and how it comes back into use.
#pragma once

#include <string>
#include <string_view>

#include "nextid/counter.h"

namespace nextid::contract {

/// The comment of a counter that `nextid copy` has deleted: another store gives its ids now.
inline constexpr std::string_view kMovedComment = "nextid copy: moved to another store";

/// Of a deleted counter. Whoever brings it back here would give ids that the other store gives, too
/// (I1), so that takes more than a Define's usual words.
bool has_moved(const Definition& definition);

/// What to do about a deleted counter, as the rest of a sentence that says that it is deleted.
std::string way_back(const std::string& counter, const Definition& definition);

}  // namespace nextid::contract
