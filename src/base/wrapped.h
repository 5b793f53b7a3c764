// Text in lines.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace nextid::base {

/// The words of `text` in lines of at most `width` bytes, with one blank between two words. A
/// longer word has a line of its own.
std::vector<std::string> wrapped(std::string_view text, std::size_t width);

/// The same as one text, each line behind `before` and with its end.
std::string wrapped_text(std::string_view text, std::size_t width, std::string_view before = "");

}  // namespace nextid::base
