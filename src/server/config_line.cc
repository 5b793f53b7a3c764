#include "server/config_line.h"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/cat.h"
#include "base/stray_text.h"
#include "base/utf8.h"
#include "store/factory.h"

namespace nextid::server {
namespace {

using base::cat;

Error invalid(const std::string& sentence) { return Error(ErrorCode::kInvalid, sentence); }

constexpr const char* kForm = "a line is like  name = \"value\"  , with quotes around text.";

bool is_control(char c) { return (c >= 0 && c < ' ' && c != '\t') || c == '\x7f'; }

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

bool is_whole_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const bool has_digits_only = text.find_first_not_of("0123456789") == std::string_view::npos;
  return has_digits_only && (text.size() == 1 || (text.size() > 1 && text.front() != '0'));
}

/// False for what is no character.
bool append_utf8(std::string& text, std::uint32_t c) {
  const auto add = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  const auto add_rest = [&](unsigned shift) { add(0x80U | ((c >> shift) & 0x3fU)); };
  if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) return false;
  if (c < 0x80) {
    add(c);
  } else if (c < 0x800) {
    add(0xc0U | (c >> 6));
  } else if (c < 0x10000) {
    add(0xe0U | (c >> 12));
  } else {
    add(0xf0U | (c >> 18));
  }
  if (c >= 0x10000) add_rest(12);
  if (c >= 0x800) add_rest(6);
  if (c >= 0x80) add_rest(0);
  return true;
}

/// What was given as a value may be a store's URL.
std::string shown(std::string_view text) { return base::visible(store::without_password(text)); }

/// Reads from the front to the back.
class Reader {
 public:
  explicit Reader(std::string_view line) : rest_(line) {}

  Result<std::optional<NameAndValue>> read() {
    if (is_at_end()) return std::optional<NameAndValue>();
    if (rest_.starts_with('[')) {
      return invalid(cat("there are no sections here; ", kForm));
    }
    NameAndValue result;
    result.name = take_while(is_name_character);
    if (result.name.empty() || !take('=')) return invalid(kForm);
    auto value = read_value(result);
    if (!value) return value.error();
    result.value = *std::move(value);
    if (!is_at_end()) {
      return invalid(cat("'", shown(rest_), "' stands behind the value; ", kForm));
    }
    return std::optional(std::move(result));
  }

 private:
  void skip_blanks() {
    while (rest_.starts_with(' ') || rest_.starts_with('\t')) rest_.remove_prefix(1);
  }
  bool is_at_end() {
    skip_blanks();
    return rest_.empty() || rest_.front() == '#';
  }
  bool take(char c) {
    skip_blanks();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  template <typename Predicate>
  std::string take_while(Predicate is_part) {
    std::size_t size = 0;
    while (size < rest_.size() && is_part(rest_[size])) ++size;
    std::string text(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return text;
  }

  Result<std::string> read_value(NameAndValue& of) {
    if (take('[')) {
      of.is_list = true;
      return read_list();
    }
    skip_blanks();
    if (rest_.starts_with('"') || rest_.starts_with('\'')) return read_text();
    std::string word = take_while([](char c) { return c != ' ' && c != '\t' && c != '#'; });
    if (word == "true" || word == "false" || is_whole_number(word)) return word;
    if (word.empty()) return invalid(cat("the value is missing; ", kForm));
    return invalid(
        cat("'", shown(word), "' is no whole number, true or false; text needs quotes around it."));
  }

  Result<std::string> read_list() {
    std::string list;
    while (!take(']')) {
      const auto text = read_text();
      if (!text) return text;
      list.append(list.empty() ? "" : ",").append(*text);
      skip_blanks();
      if (!take(',') && !rest_.starts_with(']')) return invalid(kList);
    }
    if (list.empty()) return invalid(kList);
    return list;
  }
  static constexpr const char* kList =
      "a list is like  [\"value\", \"value\"]  , in one line and not empty.";

  Result<std::string> read_text() {
    skip_blanks();
    if (rest_.empty() || (rest_.front() != '"' && rest_.front() != '\'')) return invalid(kList);
    const char quote = rest_.front();
    rest_.remove_prefix(1);
    std::string text;
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == quote) return text;
      if (c != '\\' || quote == '\'') {
        text += c;
      } else if (!read_escape(text)) {
        return invalid(
            "a '\\' in text begins an escape, such as \\\\ for itself; text between ' and ' has "
            "none.");
      }
    }
    return invalid(cat("the text has no ", std::string(1, quote), " at its end."));
  }

  bool read_escape(std::string& text) {
    constexpr std::string_view kLetters = "\"\\btnfr";
    constexpr std::string_view kMeanings = "\"\\\b\t\n\f\r";
    if (rest_.empty()) return false;
    const char letter = rest_.front();
    rest_.remove_prefix(1);
    if (letter == 'u' || letter == 'U') return read_code(text, letter == 'u' ? 4 : 8);
    const auto at = kLetters.find(letter);
    if (at == std::string_view::npos) return false;
    text += kMeanings[at];
    return true;
  }

  bool read_code(std::string& text, std::size_t digits) {
    const std::string_view code = rest_.substr(0, digits);
    std::uint32_t character = 0;
    const auto parsed = std::from_chars(code.data(), code.data() + code.size(), character, 16);
    if (code.size() != digits || parsed.ptr != code.data() + digits) return false;
    rest_.remove_prefix(digits);
    return append_utf8(text, character);
  }

  std::string_view rest_;
};

}  // namespace

Result<std::optional<NameAndValue>> parse_config_line(std::string_view line) {
  for (const char c : line) {
    if (!is_control(c)) continue;
    return invalid(cat("there is a control character in it, ", base::visible(std::string(1, c)),
                       "; remove it, or write it as an escape in text."));
  }
  if (!base::is_utf8(line)) return invalid("it is no UTF-8; save the file in that encoding.");
  return Reader(line).read();
}

}  // namespace nextid::server
