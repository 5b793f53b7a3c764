#include "http/codec/accept.h"

#include <algorithm>
#include <cstddef>

#include "base/ascii.h"

namespace nextid::http {
namespace {

using base::equal_words;

// Which format a range of media is compared with: how well it names it, and how much it is wanted.
struct Wish {
  enum Match { kNone, kAny, kAnyOfType, kNamed };
  Match match = kNone;
  unsigned thousandths = 0;

  // The range that names the format best decides; of equal ones, the one that wants it most.
  void consider(Match other, unsigned weight) {
    if (other == kNone || other < match) return;
    thousandths = other == match ? std::max(thousandths, weight) : weight;
    match = other;
  }
};

struct Format {
  std::string_view type, subtype, version;
};
constexpr Format kText{"text", "plain", "0.0.4"};
constexpr Format kOpenMetrics{"application", "openmetrics-text", "1.0.0"};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

// Takes what is before the next separator that is not inside quotes, and the separator.
std::string_view take_until(char separator, std::string_view& text) {
  bool quoted = false;
  std::size_t end = 0;
  for (; end < text.size() && (quoted || text[end] != separator); ++end) {
    if (text[end] == '"') quoted = !quoted;
  }
  const auto taken = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return trimmed(taken);
}

std::string_view without_quotes(std::string_view text) {
  if (text.size() < 2 || !text.starts_with('"') || !text.ends_with('"')) return text;
  return text.substr(1, text.size() - 2);
}

// "0.75" as 750; what is no weight, as 0.
unsigned thousandths_of(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return 0;
  if (text.size() > 1 && text[1] != '.') return 0;
  unsigned result = static_cast<unsigned>(text[0] - '0') * 1000;
  unsigned place = 100;
  for (const char c : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (c < '0' || c > '9') return 0;
    result += static_cast<unsigned>(c - '0') * place;
    place /= 10;
  }
  return result <= 1000 ? result : 0;
}

struct Range {
  std::string_view type, subtype, version;
  unsigned thousandths = 1000;

  explicit Range(std::string_view text) {
    auto name = take_until(';', text);
    type = take_until('/', name);
    subtype = trimmed(name);
    while (!text.empty()) {
      auto value = take_until(';', text);
      const auto parameter = take_until('=', value);
      if (equal_words(parameter, "version")) version = without_quotes(trimmed(value));
      if (equal_words(parameter, "q")) thousandths = thousandths_of(trimmed(value));
    }
  }

  // The character set, and what newer versions add, make no other format of it.
  Wish::Match match(const Format& format) const {
    if (type == "*" && subtype == "*") return Wish::kAny;
    if (!equal_words(type, format.type)) return Wish::kNone;
    if (subtype == "*") return Wish::kAnyOfType;
    const bool same_version = version.empty() || version == format.version;
    return equal_words(subtype, format.subtype) && same_version ? Wish::kNamed : Wish::kNone;
  }
};

}  // namespace

bool prefers_openmetrics(std::string_view accept) {
  Wish text;
  Wish openmetrics;
  while (!accept.empty()) {
    const Range range(take_until(',', accept));
    text.consider(range.match(kText), range.thousandths);
    openmetrics.consider(range.match(kOpenMetrics), range.thousandths);
  }
  if (openmetrics.thousandths != text.thousandths) {
    return openmetrics.thousandths > text.thousandths;
  }
  return openmetrics.thousandths > 0 && openmetrics.match == Wish::kNamed;
}

}  // namespace nextid::http
