#include "cli/arguments.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/wipe.h"
#include "store/factory.h"

namespace nextid::cli {
namespace {

/// Of "--NAME=VALUE" the value.
char* value_of(char* word) {
  char* const equals = std::strncmp(word, "--", 2) == 0 ? std::strchr(word, '=') : nullptr;
  return equals == nullptr ? word : equals + 1;
}

void hide_password(char* text) {
  const std::size_t size = std::strlen(text);
  const std::string shown = store::without_password(text);
  if (shown.size() >= size) return;
  std::copy(shown.begin(), shown.end(), text);
  base::wipe(text + shown.size(), size - shown.size());
}

}  // namespace

std::vector<std::string> take_arguments(int argc, char** argv) {
  std::vector<std::string> arguments(argv, argv + argc);
  for (int i = 1; i < argc; ++i) hide_password(value_of(argv[i]));
  return arguments;
}

}  // namespace nextid::cli
