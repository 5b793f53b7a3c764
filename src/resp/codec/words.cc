#include "resp/codec/words.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

namespace nextid::resp {
namespace {

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f' || c == '\0';
}

std::optional<unsigned> hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

char escaped(char c) noexcept {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
    default:
      return c;
  }
}

// Takes what follows a backslash in double quotes from the front of `rest`, which is not empty.
char take_escape(std::string_view& rest) {
  if (rest.size() >= 3 && rest[0] == 'x') {
    const auto high = hex_digit(rest[1]);
    const auto low = hex_digit(rest[2]);
    if (high && low) {
      rest.remove_prefix(3);
      return static_cast<char>(*high * 16 + *low);
    }
  }
  const char c = escaped(rest.front());
  rest.remove_prefix(1);
  return c;
}

// Appends the text up to the closing `quote`; false when there is none, or no blank after it.
bool take_quoted(std::string_view& rest, char quote, std::string& word) {
  rest.remove_prefix(1);
  while (!rest.empty()) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c == quote) return rest.empty() || is_blank(rest.front());
    if (c != '\\' || rest.empty()) {
      word += c;
    } else if (quote == '"') {
      word += take_escape(rest);
    } else if (rest.front() == '\'') {
      word += '\'';
      rest.remove_prefix(1);
    } else {
      word += c;
    }
  }
  return false;
}

}  // namespace

Split split_words(std::string_view line, std::size_t most, std::string& storage,
                  std::vector<std::string_view>& words) {
  storage.clear();
  storage.reserve(line.size());  // Words never grow by losing their quotes: views stay valid.
  words.clear();
  for (;;) {
    while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
    if (line.empty()) return Split::kWhole;
    if (words.size() == most) return Split::kTooMany;
    const std::size_t begin = storage.size();
    while (!line.empty() && !is_blank(line.front())) {
      if (line.front() == '"' || line.front() == '\'') {
        if (!take_quoted(line, line.front(), storage)) return Split::kUnbalanced;
        break;
      }
      storage += line.front();
      line.remove_prefix(1);
    }
    words.push_back(std::string_view(storage).substr(begin));
  }
}

}  // namespace nextid::resp
