// What --version prints.
#pragma once

#include <string>

namespace nextid::cli {

/// The version on a line of its own, then which commit it is, how it was built, and for which
/// stores. Without a newline at its end.
std::string version_text();

}  // namespace nextid::cli
