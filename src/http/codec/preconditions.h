// If-Match and If-None-Match (RFC 9110, 13.1 and 13.2): what a client wants to be true of what it
// asks for or changes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nextid/counter.h"

#include "http/codec/problem.h"
#include "http/codec/request.h"

namespace nextid::http {

/// The value of one of the two fields.
class EntityTags {
 public:
  enum class Comparison {
    kStrong,  ///< A weak tag, W/"3", is like no other.
    kWeak,
  };

  /// False where the text is neither * nor a list of entity tags.
  bool parse(std::string_view text);

  bool is_given() const noexcept { return any_ || !tags_.empty(); }
  /// Whether it names what has this strong entity tag; "" for what is not there.
  bool name(std::string_view etag, Comparison comparison) const;

 private:
  struct Tag {
    std::string text;  // With its quotes.
    bool weak = false;
  };

  bool any_ = false;  // "*"
  std::vector<Tag> tags_;
};

class Preconditions {
 public:
  enum class Verdict {
    kHold,
    kMatchFailed,      ///< If-Match does not: 412.
    kNoneMatchFailed,  ///< If-None-Match does not: 304 to a GET, else 412.
  };

  /// Refuses what is malformed, and a field given more than once.
  static Refusal parse(const Request& request, Preconditions& conditions);

  bool is_given() const noexcept { return match_.is_given() || none_match_.is_given(); }
  /// `etag` as in EntityTags::name().
  Verdict verdict(std::string_view etag) const;

 private:
  EntityTags match_;
  EntityTags none_match_;
};

/// For calls to what has no entity tag, such as .../next: an If-Match never holds there, and is not
/// ignored, since who sends it wants no id otherwise. An If-None-Match always holds.
Refusal refuse_if_match(const Request& request);

/// The entity tag of a counter names its definition, by the revision; not its value.
std::string etag_of(const Definition& definition);

}  // namespace nextid::http
