// The words of an inline command, with the quotes that redis-cli and telnet users know.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nextid::resp {

/// Splits at blanks. "..." takes \n \r \t \b \a \\ \" \xHH, '...' takes \' alone; a closing quote
/// must end its word. False when quotes are unbalanced. The words view `storage`, which is
/// replaced.
bool split_words(std::string_view line, std::string& storage, std::vector<std::string_view>& words);

}  // namespace nextid::resp
