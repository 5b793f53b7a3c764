// A row of the table of commands (commands.cc).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/ascii.h"
#include "resp/codec/commands.h"

namespace nextid::resp {

using Arguments = std::span<const std::string_view>;

/// What a handler may use.
struct Context {
  Arguments arguments;
  const Session& session;
  std::uint64_t max_range;
};

struct Row {
  std::string_view name;  // In lower case, and the table in their order.
  int arity = 0;          // Arguments with the name; at least -arity where it is negative.
  int first_key = 0;
  int last_key = 0;  // -1: the last argument.
  service::Needs needs;
  std::string_view counted_as;  // In metrics.
  std::string_view flags;
  std::string_view summary;
  /// Its arguments, for COMMAND DOCS, with a blank between them: "key:key count:integer". Behind a
  /// name and its type "?" is for one that may be left out, "+" for several;
  /// "MATCH=pattern:pattern" follows a word.
  std::string_view arguments;
  Call (*take)(Context& context);

  /// Whether it takes so many arguments, its name among them.
  bool takes(std::size_t count) const noexcept {
    const auto given = static_cast<int>(count);
    return arity >= 0 ? given == arity : given >= -arity;
  }
  Arguments keys_of(Arguments command) const {
    if (first_key == 0) return {};
    const auto first = static_cast<std::size_t>(first_key);
    return command.subspan(
        first, last_key < 0 ? std::dynamic_extent : static_cast<std::size_t>(last_key) - first + 1);
  }
};

/// Of `rows`, which are in the order of their names; null where there is none. `name` is in any
/// case.
inline const Row* find_row(std::span<const Row> rows, std::string_view name) noexcept {
  // No name is longer than this; so a longer text is none.
  std::array<char, 16> text{};
  if (name.size() > text.size()) return nullptr;
  std::transform(name.begin(), name.end(), text.begin(), [](char c) { return base::to_lower(c); });
  const std::string_view key(text.data(), name.size());
  const auto row = std::lower_bound(rows.begin(), rows.end(), key,
                                    [](const Row& a, std::string_view b) { return a.name < b; });
  return row != rows.end() && row->name == key ? &*row : nullptr;
}

}  // namespace nextid::resp
