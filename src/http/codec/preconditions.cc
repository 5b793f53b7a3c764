#include "http/codec/preconditions.h"

#include <algorithm>
#include <optional>

#include "base/cat.h"
#include "base/quoting.h"

namespace nextid::http {
namespace {

using base::cat;

constexpr std::string_view kBlanks = " \t";

void skip_blanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
}

// Takes "..." from the front of `text`, with its quotes; nothing where there is none.
std::optional<std::string_view> take_quoted(std::string_view& text) {
  if (!text.starts_with('"')) return std::nullopt;
  const auto end = text.find('"', 1);
  if (end == text.npos) return std::nullopt;
  const auto quoted = text.substr(0, end + 1);
  const bool is_tag = std::none_of(quoted.begin(), quoted.end(), [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == '\x7f';
  });
  if (!is_tag) return std::nullopt;
  text.remove_prefix(quoted.size());
  return quoted;
}

Refusal parse_field(std::string_view name, const Field& field, EntityTags& tags) {
  if (field.count == 0) return std::nullopt;
  if (field.count > 1) {
    return invalid(cat("The field ", name, " is given more than once; send one list."));
  }
  if (tags.parse(field.value)) return std::nullopt;
  return invalid(cat("The field ", name, " is ", base::in_quotes(field.value),
                     "; it must be * or a list of entity tags, such as \"3\", with their quotes."));
}

}  // namespace

bool EntityTags::parse(std::string_view text) {
  skip_blanks(text);
  if (text.starts_with('*')) {
    text.remove_prefix(1);
    skip_blanks(text);
    any_ = text.empty();
    return any_;
  }
  while (!text.empty()) {
    if (!text.starts_with(',')) {  // Between two commas there may be nothing.
      const bool weak = text.starts_with("W/");
      if (weak) text.remove_prefix(2);
      const auto quoted = take_quoted(text);
      if (!quoted) return false;
      tags_.push_back({std::string(*quoted), weak});
      skip_blanks(text);
    }
    if (text.empty()) break;
    if (!text.starts_with(',')) return false;
    text.remove_prefix(1);
    skip_blanks(text);
  }
  return !tags_.empty();
}

bool EntityTags::name(std::string_view etag, Comparison comparison) const {
  if (etag.empty()) return false;
  return any_ || std::any_of(tags_.begin(), tags_.end(), [&](const Tag& tag) {
           return tag.text == etag && (comparison == Comparison::kWeak || !tag.weak);
         });
}

Refusal Preconditions::parse(const Request& request, Preconditions& conditions) {
  if (auto refusal = parse_field("If-Match", request.if_match, conditions.match_)) return refusal;
  return parse_field("If-None-Match", request.if_none_match, conditions.none_match_);
}

Preconditions::Verdict Preconditions::verdict(std::string_view etag) const {
  if (match_.is_given() && !match_.name(etag, EntityTags::Comparison::kStrong)) {
    return Verdict::kMatchFailed;
  }
  if (none_match_.is_given() && none_match_.name(etag, EntityTags::Comparison::kWeak)) {
    return Verdict::kNoneMatchFailed;
  }
  return Verdict::kHold;
}

Refusal refuse_if_match(const Request& request) {
  if (request.if_match.count == 0) return std::nullopt;
  return precondition_failed(
      "The field If-Match never holds here, since this call has no ETag: leave it out, or send it "
      "with PUT /v1/counters/NAME.");
}

std::string etag_of(const Definition& definition) { return cat("\"", definition.revision, "\""); }

}  // namespace nextid::http
