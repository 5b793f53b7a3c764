// What a copy does about one counter, by what the source and the target have of it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "nextid/counter.h"
#include "nextid/error.h"

namespace nextid::copy {

/// The comment of a counter that is deleted in the source, while the target gets it: a counter's
/// value can only be raised while it is in use. By this comment the next copy knows that one was
/// ended in between.
inline constexpr std::string_view kUnfinished =
    "nextid copy: deleted in the store that it is copied from";

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

/// In this order: make the counter if it is missing, give it another definition, raise its value,
/// delete it.
struct Decision {
  Fate fate = Fate::kKept;
  /// To be in use with this; the revision is the writer's to choose.
  std::optional<Definition> definition = {};
  std::optional<std::uint64_t> raise_to = {};
  /// To be deleted with this at the end.
  std::optional<Definition> deleted_as = {};
};

/// What a Define makes of the source's counter where the target has none. Whoever deletes it in the
/// source has it with kUnfinished until it is deleted in the target, too.
Definition made_of(const CounterInfo& source);

/// kConflict, with a sentence, where the target's counter can't be what the source's is: another
/// start or increment, or another max, cache or comment while it is in use, or ids past the
/// source's max. The revisions of the two may differ. No decision lowers a value.
Result<Decision> decide(const CounterInfo& source, const std::optional<CounterInfo>& target);

/// The first field, by its row, in which two counters in use differ, as a sentence; nothing if
/// there is none. Revisions do not count.
std::optional<std::string> difference(const CounterInfo& source, const CounterInfo& target);

}  // namespace nextid::copy
