// What somebody probably meant who wrote a name that there is none of.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nextid::base {

/// The known name that `name` is likely to stand for, whatever the case of its letters; "" where
/// none is near: at most three letters, and at most half of them, are other ones, missing, too
/// many, or swapped with their neighbour.
std::string nearest(std::string_view name, const std::vector<std::string>& known);

/// What other programs call something of ours.
struct ForeignName {
  std::string_view name;
  std::string_view ours;
};

/// What we call it; "" where the table has no such name.
constexpr std::string_view our_name_for(std::string_view name,
                                        std::span<const ForeignName> table) noexcept {
  for (const ForeignName& foreign : table) {
    if (foreign.name == name) return foreign.ours;
  }
  return {};
}

}  // namespace nextid::base
