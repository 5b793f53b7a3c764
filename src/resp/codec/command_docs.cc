#include "resp/codec/command_docs.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/glob.h"
#include "base/quoting.h"

namespace nextid::resp {
namespace {

using Rows = std::span<const Row>;

// Takes the first word from the front of words with a blank between them.
std::string_view take_word(std::string_view& words) noexcept {
  const auto word = words.substr(0, words.find(' '));
  words.remove_prefix(std::min(word.size() + 1, words.size()));
  return word;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) words.push_back(take_word(text));
  return words;
}

void append_details(std::string& out, const Row& row) {
  append_array_head(out, 10);
  append_bulk(out, row.name);
  append_integer(out, row.arity);
  const auto flags = words_of(row.flags);
  append_array_head(out, flags.size());
  for (const std::string_view flag : flags) append_simple(out, flag);
  append_integer(out, row.first_key);
  append_integer(out, row.last_key);
  append_integer(out, row.first_key == 0 ? 0 : 1);
  for (int i = 0; i < 4; ++i) append_array_head(out, 0);  // Categories, tips, keys, subcommands.
}

using Pair = std::pair<std::string_view, std::string_view>;

void append_pairs(std::string& out, std::initializer_list<Pair> pairs) {
  for (const auto& [key, value] : pairs) {
    append_bulk(out, key);
    append_bulk(out, value);
  }
}

// One of Row::arguments.
void append_argument(std::string& out, std::string_view argument, Version version) {
  const bool several = argument.ends_with('+');
  if (several) argument.remove_suffix(1);
  const bool optional = argument.ends_with('?');
  if (optional) argument.remove_suffix(1);
  const auto equals = argument.find('=');
  const bool has_word = equals != std::string_view::npos;
  const auto word = argument.substr(0, has_word ? equals : 0);
  if (has_word) argument.remove_prefix(equals + 1);
  const auto colon = argument.find(':');
  const std::size_t flags = std::size_t{optional} + std::size_t{several};
  append_map_head(out, 2 + std::size_t{has_word} + std::size_t{flags > 0}, version);
  append_pairs(out, {{"name", argument.substr(0, colon)}, {"type", argument.substr(colon + 1)}});
  if (has_word) append_pairs(out, {{"token", word}});
  if (flags == 0) return;
  append_bulk(out, "flags");
  append_array_head(out, flags);
  if (optional) append_simple(out, "optional");
  if (several) append_simple(out, "multiple");
}

void append_documentation(std::string& out, const Row& row, Version version) {
  const auto arguments = words_of(row.arguments);
  append_bulk(out, row.name);
  append_map_head(out, arguments.empty() ? 3 : 4, version);
  append_pairs(out, {{"summary", row.summary},
                     {"since", "1.0.0"},
                     {"group", row.first_key == 0 ? "connection" : "string"}});
  if (arguments.empty()) return;
  append_bulk(out, "arguments");
  append_array_head(out, arguments.size());
  for (const std::string_view argument : arguments) append_argument(out, argument, version);
}

// The rows of these names, null for an unknown one; of all rows where no name is given.
std::vector<const Row*> rows_of(Rows rows, Arguments names) {
  std::vector<const Row*> found;
  if (names.empty()) {
    for (const Row& row : rows) found.push_back(&row);
  }
  for (const auto name : names) found.push_back(find_row(rows, name));
  return found;
}

Answer details_of(Rows rows, Arguments names, Version version) {
  const auto found = rows_of(rows, names);
  Answer answer;
  append_array_head(answer.bytes, found.size());
  for (const Row* row : found) {
    row == nullptr ? append_null(answer.bytes, version) : append_details(answer.bytes, *row);
  }
  return answer;
}

Answer documentation_of(Rows rows, Arguments names, Version version) {
  auto found = rows_of(rows, names);
  std::erase(found, nullptr);
  Answer answer;
  append_map_head(answer.bytes, found.size(), version);
  for (const Row* row : found) append_documentation(answer.bytes, *row, version);
  return answer;
}

Answer error(std::string_view sentence) {
  Answer answer;
  append_error(answer.bytes, "ERR", sentence);
  return answer;
}

// LIST, or LIST FILTERBY MODULE|ACLCAT|PATTERN text: no command is of a module or in a category.
Answer names_of(Rows rows, Arguments filter) {
  const bool filtered = filter.size() == 3 && base::equal_words(filter[0], "filterby");
  if (!filter.empty() && !filtered) {
    return error("COMMAND LIST takes nothing, or FILTERBY PATTERN and a pattern.");
  }
  std::vector<std::string_view> names;
  for (const Row& row : rows) {
    const bool fits = !filtered || (base::equal_words(filter[1], "pattern") &&
                                    base::glob_matches(filter[2], row.name));
    if (fits) names.push_back(row.name);
  }
  Answer answer;
  append_array_head(answer.bytes, names.size());
  for (const std::string_view name : names) append_bulk(answer.bytes, name);
  return answer;
}

Answer keys_of(Rows rows, Arguments command) {
  const Row* const row = command.empty() ? nullptr : find_row(rows, command[0]);
  if (row == nullptr) return error("COMMAND GETKEYS takes a command of this server.");
  if (!row->takes(command.size())) {
    return error("The command of COMMAND GETKEYS has the wrong number of arguments.");
  }
  const Arguments keys = row->keys_of(command);
  if (keys.empty()) return error("The command has no key arguments.");
  Answer answer;
  append_array_head(answer.bytes, keys.size());
  for (const std::string_view key : keys) append_bulk(answer.bytes, key);
  return answer;
}

}  // namespace

Answer describe_commands(Rows rows, Arguments arguments, Version version) {
  const std::string_view what = arguments.size() > 1 ? arguments[1] : "info";
  const Arguments rest = arguments.size() > 2 ? arguments.subspan(2) : Arguments{};
  if (base::equal_words(what, "list")) return names_of(rows, rest);
  if (base::equal_words(what, "info")) return details_of(rows, rest, version);
  if (base::equal_words(what, "docs")) return documentation_of(rows, rest, version);
  if (base::equal_words(what, "getkeys")) return keys_of(rows, rest);
  if (base::equal_words(what, "count")) {
    Answer answer;
    append_integer(answer.bytes, static_cast<std::int64_t>(rows.size()));
    return answer;
  }
  return error("COMMAND " + base::in_quotes(what) +
               " is not served; COMMAND takes COUNT, LIST, INFO, DOCS and GETKEYS here.");
}

}  // namespace nextid::resp
