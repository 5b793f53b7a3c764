// The version of this library and of the nextid binary. CMake reads it from here.
#pragma once

#include <string_view>

namespace nextid {

inline constexpr std::string_view kVersion = "0.2.0";

}  // namespace nextid
