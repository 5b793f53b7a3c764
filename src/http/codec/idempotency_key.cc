#include "http/codec/idempotency_key.h"

#include <optional>
#include <string_view>
#include <utility>

#include "nextid/id_generator.h"

#include "base/cat.h"
#include "base/quoting.h"

namespace nextid::http {
namespace {

using base::cat;

// The text of "...", in which only \" and \\ are escaped; nothing when it is not that.
std::optional<std::string> unquoted(std::string_view text) {
  if (text.size() < 2 || !text.ends_with('"')) return std::nullopt;
  text.remove_prefix(1);
  text.remove_suffix(1);
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') return std::nullopt;
    if (text[i] == '\\') {
      ++i;
      if (i == text.size() || (text[i] != '"' && text[i] != '\\')) return std::nullopt;
    }
    result += text[i];
  }
  return result;
}

}  // namespace

Refusal parse_idempotency_key(const Field& field, std::string& key) {
  if (field.count == 0) return std::nullopt;
  if (field.count > 1) return invalid("The field Idempotency-Key is given more than once.");
  auto text = field.value.starts_with('"') ? unquoted(field.value)
                                           : std::optional(std::string(field.value));
  if (!text || !is_idempotency_key(*text)) {
    return invalid(cat("The Idempotency-Key ", base::in_quotes(field.value), " is no key: 1 to ",
                       kMaxIdempotencyKeyBytes,
                       " printable ASCII characters, plain or in quotes, where \\\" and \\\\ stand "
                       "for \" and \\."));
  }
  key = *std::move(text);
  return std::nullopt;
}

}  // namespace nextid::http
