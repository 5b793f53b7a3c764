// What a copy does about one counter, by what the source and the target have of it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "nextid/counter.h"
#include "nextid/error.h"

namespace nextid::copy {

/// The comment of a counter that is deleted in the source, while the target gets it: it is in use
/// between the step that makes it and the one that deletes it. By this comment the next copy knows
/// that one was ended in between.
inline constexpr std::string_view kUnfinished =
    "nextid copy: deleted in the store that it is copied from";

/// The comment of a counter that is *shut*: it comes back into use in the target, and gives no id
/// until the source gives none of it any more.
inline constexpr std::string_view kShut =
    "nextid copy: gives no ids before the copy that brings it back has ended";

/// What happens to the target's counter.
enum class Fate {
  kMade,         ///< It was not there.
  kBroughtBack,  ///< It was deleted there, and is in use in the source.
  kRaised,       ///< It was there with a lower value.
  kKept,         ///< It was there with this value, or a higher one.
};
inline constexpr int kFates = 4;
/// "made", "brought back", ...
std::string_view to_string(Fate fate) noexcept;

/// In this order: make the counter if it is missing, raise its value, and delete it or bring it
/// back. It ends with the source's definition where it is made, deleted or brought back.
struct Decision {
  Fate fate = Fate::kKept;
  std::optional<std::uint64_t> raise_to = {};
  bool brings_back = false;  ///< It is shut first, unless it is so already.
  bool deletes = false;
};

/// Why this counter of a source can't be copied to anywhere (kConflict): its name, or a copy into
/// the source that did not end with it.
std::optional<Error> problem_with(const CounterInfo& source);

/// In use, but left by a copy that has not ended with it.
bool is_unfinished(const CounterInfo& counter);

/// What a counter in use at `value` has while it is shut: its max leaves room for no id. But for
/// one whose first id may be 1, and which never gave one: no max forbids that id.
Definition shut(Definition definition, std::int64_t value);

/// What a Define makes of the source's counter where the target has none. Whoever deletes it in the
/// source has it with kUnfinished until it is deleted in the target, too.
Definition made_of(const CounterInfo& source);

/// kConflict, with a sentence, where the source's counter can't be copied, or the target's can't be
/// what the source's is: another start or increment, or, while both are in use, another max, cache
/// or comment, or ids past the source's max. What is deleted in the source has moved: the target's
/// definition is its own from then on. Revisions may differ. No decision lowers a value.
Result<Decision> decide(const CounterInfo& source, const std::optional<CounterInfo>& target);

/// The first field, by its row, that never changes and in which two counters differ, as a sentence;
/// nothing if there is none.
std::optional<std::string> fixed_difference(const CounterInfo& source, const CounterInfo& target);

}  // namespace nextid::copy
