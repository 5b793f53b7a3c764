// Options by names that they do not have.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nextid::server {

/// The option among `known`, names as Option::name, that was probably meant by `name`: what other
/// programs call so, or the nearest. "" for none.
std::string meant_option(std::string_view name, const std::vector<std::string>& known);

}  // namespace nextid::server
