// docs/cli.md: the command line as one page of Markdown.
#pragma once

#include <string>

#include <CLI/App.hpp>

namespace nextid::cli {

std::string cli_markdown(const CLI::App& app);

}  // namespace nextid::cli
