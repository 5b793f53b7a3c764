#include "aws/settings_file.h"

#include <cstddef>
#include <optional>
#include <utility>

#include "base/ascii.h"
#include "base/cat.h"

namespace nextid::aws {
namespace {

using base::cat;

constexpr std::string_view kBlanks = " \t\r";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

bool begins_comment(char c) { return c == '#' || c == ';'; }

std::string_view without_comment(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (begins_comment(text[i]) && kBlanks.find(text[i - 1]) != std::string_view::npos) {
      return trimmed(text.substr(0, i));
    }
  }
  return text;
}

// Words with one blank between them; quotes around a whole word are left out.
std::string section_name(std::string_view text) {
  std::string name;
  for (text = trimmed(text); !text.empty(); text = trimmed(text)) {
    const char quote = text.front();
    const bool quoted =
        (quote == '"' || quote == '\'') && text.find(quote, 1) != std::string_view::npos;
    const auto end = quoted ? text.find(quote, 1) : text.find_first_of(kBlanks);
    if (!name.empty()) name += ' ';
    name += quoted ? text.substr(1, end - 1) : text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(quoted ? end + 1 : end);
  }
  return name;
}

class Parser {
 public:
  /// The reason, if the line is not of the format.
  std::optional<std::string> add_line(std::string_view line) {
    const std::string_view text = trimmed(line);
    if (text.empty() || begins_comment(text.front())) return std::nullopt;
    const std::size_t indent = line.find_first_not_of(kBlanks);
    if (setting_ != nullptr && indent > setting_indent_) return go_on(text);
    if (text.front() == '[') return begin_section(text);
    return add_setting(text, indent);
  }

  Sections take() { return std::move(sections_); }

 private:
  std::optional<std::string> begin_section(std::string_view text) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return "the section's name has no ']' after it";
    const std::string_view rest = trimmed(text.substr(end + 1));
    if (!rest.empty() && !begins_comment(rest.front())) return "text follows the section's ']'";
    const std::string name = section_name(text.substr(1, end - 1));
    if (name.empty()) return "the section has no name";
    section_ = &sections_[name];
    setting_ = nullptr;
    return std::nullopt;
  }

  std::optional<std::string> add_setting(std::string_view text, std::size_t indent) {
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0) return "it is no line like  name = value";
    if (section_ == nullptr) return "a setting stands before the first [section]";
    setting_name_ = base::to_lower(trimmed(text.substr(0, equals)));
    // With its blank before, so that "name = # none" is an empty value.
    setting_ = &(*section_)[setting_name_];
    *setting_ = trimmed(without_comment(text.substr(equals)).substr(1));
    setting_indent_ = indent;
    nested_ = setting_->empty();
    return std::nullopt;
  }

  // A deeper indented line: a nested setting if the one above has no value of its own.
  std::optional<std::string> go_on(std::string_view text) {
    if (!nested_) {
      setting_->append("\n").append(without_comment(text));
      return std::nullopt;
    }
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return "it is no line like  name = value  below a setting without a value";
    }
    const std::string name =
        cat(setting_name_, ".", base::to_lower(trimmed(text.substr(0, equals))));
    (*section_)[name] = trimmed(without_comment(text.substr(equals)).substr(1));
    return std::nullopt;
  }

  Sections sections_;
  Settings* section_ = nullptr;
  std::string* setting_ = nullptr;
  std::string setting_name_;
  std::size_t setting_indent_ = 0;
  bool nested_ = false;
};

}  // namespace

Result<Sections> parse_settings_file(std::string_view text, const std::string& path) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  Parser parser;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    if (const auto reason = parser.add_line(text.substr(0, end))) {
      return Error(ErrorCode::kInvalid, cat(path, ", line ", number, ": ", *reason, "."));
    }
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return parser.take();
}

}  // namespace nextid::aws
