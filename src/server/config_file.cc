#include "server/config_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <string_view>

#include "base/bom.h"
#include "base/cat.h"
#include "base/file_access.h"
#include "base/file_reading.h"

namespace nextid::server {
namespace {

using base::cat;

Error invalid(const std::string& sentence) { return Error(ErrorCode::kInvalid, sentence); }

Result<std::string> read_text(const std::string& path) {
  auto text = base::read_file(path, kMaxConfigBytes);
  if (text && *text) return **std::move(text);
  const std::string why = text ? std::strerror(ENOENT) : text.error().what();
  return invalid(cat("Can't read the configuration file ", path, ": ", why, "."));
}

}  // namespace

Result<std::vector<ConfigEntry>> read_config_file(const std::string& path) {
  if (const auto why = base::why_others_can_write(path)) {
    return invalid(cat("The configuration file ", path, " can't be relied on: ", *why, "."));
  }
  const auto text = read_text(path);
  if (!text) return text.error();
  std::vector<ConfigEntry> entries;
  std::set<std::string> names;
  std::string_view rest = base::without_bom(*text);
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const auto end = std::min(rest.find('\n'), rest.size());
    std::string_view bytes = rest.substr(0, end);
    if (end < rest.size() && bytes.ends_with('\r')) bytes.remove_suffix(1);
    const auto line = parse_config_line(bytes);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::string place = cat(path, ", line ", number, ": ");
    if (!line) return invalid(place + line.error().what());
    if (!*line) continue;
    if (!names.insert((*line)->name).second) {
      return invalid(cat(place, (*line)->name, " is given more than once in this file."));
    }
    entries.push_back({**line, number});
  }
  return entries;
}

}  // namespace nextid::server
