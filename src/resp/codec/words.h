// The words of an inline command, with the quotes that redis-cli and telnet users know.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace nextid::resp {

/// Splits at blanks. "..." takes \n \r \t \b \a \\ \" \xHH, '...' takes \' alone; a closing quote
/// must end its word. Stops where there are more than `most` words, and looks no further. The words
/// view `storage`, which is replaced.
enum class Split { kWhole, kUnbalanced, kTooMany };
Split split_words(std::string_view line, std::size_t most, std::string& storage,
                  std::vector<std::string_view>& words);

}  // namespace nextid::resp
