// The words of the command line.
#pragma once

#include <string>
#include <vector>

namespace nextid::cli {

/// The program's name and the words behind it. What `ps` shows to everyone on this machine has no
/// passwords of URLs after this: they are taken out of argv itself.
std::vector<std::string> take_arguments(int argc, char** argv);

}  // namespace nextid::cli
