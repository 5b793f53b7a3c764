// What somebody probably meant who wrote a name that there is none of.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nextid::base {

/// The known name that `name` is likely to stand for, whatever the case of its letters; "" where
/// none is near: at most three letters, and at most half of them, are other ones, missing, too
/// many, or swapped with their neighbour.
std::string nearest(std::string_view name, const std::vector<std::string>& known);

}  // namespace nextid::base
