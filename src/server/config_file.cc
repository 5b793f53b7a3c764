#include "server/config_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <string_view>
#include <toml++/toml.h>
#include <utility>

#include "base/cat.h"
#include "base/stray_text.h"

namespace nextid::server {
namespace {

using base::cat;

Error invalid(const std::string& sentence) { return Error(ErrorCode::kInvalid, sentence); }

Error cannot_read(const std::string& path) {
  return invalid(cat("Can't read the configuration file ", path, ": ", std::strerror(errno), "."));
}

Result<std::string> read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return cannot_read(path);
  std::string text(kMaxConfigBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || (file.fail() && !file.eof())) return cannot_read(path);
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMaxConfigBytes) {
    return invalid(cat("The configuration file ", path, " exceeds ", kMaxConfigBytes, " bytes."));
  }
  return text;
}

std::string place_in(const std::string& path, const toml::source_position& position) {
  return cat(path, ", line ", position.line, ": ");
}

/// The value as text; nothing for kinds that no option takes.
std::optional<std::string> text_of(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  const auto* array = node.as_array();
  if (array == nullptr || array->empty()) return std::nullopt;
  std::string list;
  for (const toml::node& element : *array) {
    if (!element.is_string()) return std::nullopt;
    list.append(list.empty() ? "" : ",").append(element.as_string()->get());
  }
  return list;
}

Result<ConfigEntry> entry_of(const std::string& path, const toml::key& key,
                             const toml::node& node) {
  auto text = text_of(node);
  if (!text) {
    return invalid(cat(place_in(path, key.source().begin), base::visible(key.str()), " is ",
                       node.is_table() ? "a table" : "of a kind that no option takes",
                       "; options are lines like  name = \"value\"  outside of tables, and their "
                       "values texts, whole numbers, true or false."));
  }
  return ConfigEntry{.name = std::string(key.str()),
                     .value = *std::move(text),
                     .is_array = node.is_array(),
                     .line = key.source().begin.line};
}

Result<std::vector<ConfigEntry>> entries_of(const std::string& path, const toml::table& table) {
  std::vector<ConfigEntry> entries;
  for (const auto& [key, node] : table) {
    auto entry = entry_of(path, key, node);
    if (!entry) return entry.error();
    entries.push_back(*std::move(entry));
  }
  std::sort(entries.begin(), entries.end(),
            [](const ConfigEntry& a, const ConfigEntry& b) { return a.line < b.line; });
  return entries;
}

}  // namespace

Result<std::vector<ConfigEntry>> read_config_file(const std::string& path) {
  const auto text = read_text(path);
  if (!text) return text.error();
  try {
    return entries_of(path, toml::parse(*text));
  } catch (const toml::parse_error& error) {
    return invalid(cat(place_in(path, error.source().begin), "this is no TOML (",
                       error.description(),
                       "); an option is a line like  name = \"value\"  with quotes around text."));
  }
}

}  // namespace nextid::server
