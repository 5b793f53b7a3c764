// The words for what a command takes, and what completions may offer for it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <CLI/App.hpp>

namespace nextid::cli {

/// "--store", or the name of an argument without dashes.
std::string name_of(const CLI::Option& option);

/// Takes no value.
bool is_flag(const CLI::Option& option);
/// Takes one value after the other.
bool takes_many(const CLI::Option& option);

/// "--store URL"
std::string form_of(const CLI::Option& option);

/// "nextid range N [COUNTER]": without what may be left out, but for arguments.
std::string usage_of(const CLI::App& command);

/// By "--store" or "-h"; null for none.
const CLI::Option* find_option(const CLI::App& command, const std::string& name);

/// "-1" is a number.
bool looks_like_option(std::string_view word);

/// What stands for a counter's name among the words below.
inline constexpr const char* kOfferCounters = ":counters";

/// Has completions offer these words, with blanks between them, as values.
void offer(CLI::Option& option, std::string_view words);

/// What to offer as values: the words above, and by the kind of the value :files, :directories,
/// :stores or :counters.
std::vector<std::string> offered(const CLI::Option& option);

}  // namespace nextid::cli
