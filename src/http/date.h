// The Date field of answers.
#pragma once

#include <string_view>

namespace nextid::http {

/// The text for now, to the second. Made once a second and thread; valid until the next call on
/// this thread.
std::string_view date();

}  // namespace nextid::http
