#include "server/config_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>

#include "base/bom.h"
#include "base/cat.h"

namespace nextid::server {
namespace {

using base::cat;

// The line without its comment. CLI11 2.1 would also cut at a '#' inside quotes.
std::string_view without_comment(std::string_view line) {
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '#') {
      return line.substr(0, i);
    }
  }
  return line;
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r") == std::string_view::npos;
}

// CLI11 reads one line at a time, so that errors can tell which; NUL stands for "no comments".
std::optional<ConfigEntry> parse_line(std::string_view line, std::size_t number) {
  if (line.find('=') == std::string_view::npos) return std::nullopt;
  CLI::ConfigTOML reader;
  reader.comment('\0');
  std::istringstream stream{std::string(line)};
  const auto items = reader.from_config(stream);
  if (items.size() != 1 || !items.front().parents.empty() || items.front().inputs.size() != 1) {
    return std::nullopt;
  }
  return ConfigEntry{items.front().name, items.front().inputs.front(), number};
}

}  // namespace

Result<std::vector<ConfigEntry>> read_config_file(const std::string& path) {
  const auto wrong_line = [&path](std::size_t number, const std::string& sentence) {
    return Error(ErrorCode::kInvalid, cat(path, ", line ", number, ": ", sentence));
  };
  std::ifstream file(path);
  std::vector<ConfigEntry> entries;
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    const auto text = without_comment(number == 1 ? base::without_bom(line) : line);
    if (is_blank(text)) continue;
    // CLI11 would take it for the end of the line.
    if (text.find('\0') != std::string_view::npos) {
      return wrong_line(number, "there is a NUL in it; remove it.");
    }
    auto entry = parse_line(text, number);
    if (!entry) return wrong_line(number, "this is no line like  name = \"value\"  .");
    entries.push_back(*std::move(entry));
  }
  if (!file.eof()) {
    return Error(ErrorCode::kInvalid,
                 cat("Can't read the configuration file ", path, ": ", std::strerror(errno), "."));
  }
  return entries;
}

}  // namespace nextid::server
