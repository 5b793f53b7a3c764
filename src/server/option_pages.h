// What people read of the options: the page docs/options.md, and a file of all options to start
// from.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "server/options.h"

namespace nextid::server {

/// What holds for all options, a paragraph each, in Markdown.
std::span<const std::string_view> option_notes();

/// docs/options.md
std::string options_markdown();

/// The option's default as a line of the configuration file, without its end: `threads = 1`.
std::string default_line(const Option& option);

/// A configuration file in which each option is a comment: what it does, and its default_line()
/// behind a "#" that only has to go.
std::string sample_config();

}  // namespace nextid::server
